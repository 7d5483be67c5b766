//! Killed at random moments: a backup is whole or refused, a restored folder is whole or not there.

use std::path::Path;
use std::time::{Duration, Instant};

use it::Program;
use tokio::process::Child;

use super::writers::{Writers, Written};
use super::{backup, command, done, end, ended, files, manifest, restore, start_with_category};

/// Kills in a plain run, and in a long one.
fn rounds() -> u32 {
    if std::env::var_os("LAWLESS_LONG").is_some() { 50 } else { 2 }
}

/// Before a backup begins, so that there is something to lose.
const ACKNOWLEDGED_BEFORE: usize = 60;

/// A moment in, or shortly after, something that usually takes so long.
async fn some_of(usual: Duration) {
    tokio::time::sleep(usual.mul_f64(rand::random_range(0.0..1.2))).await;
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Nobody,
    Server,
    Command,
}

/// What became of a backup.
struct Outcome {
    took: Duration,
    is_whole: bool,
}

async fn kill(child: &mut Child) {
    // It may have ended by itself meanwhile.
    let _ = child.kill().await;
}

async fn round(victim: Victim, usual: Duration) -> Outcome {
    // Given: a server that is written to.
    let folder = tempfile::tempdir().unwrap();
    let (program, client) = start_with_category(folder.path()).await;
    let data = program.data();
    let writers = Writers::start(&client);
    let before = writers.wait_for(ACKNOWLEDGED_BEFORE).await;

    // When: a backup is made, and someone is killed.
    let saved = folder.path().join("saved");
    let begun = Instant::now();
    let mut child = backup(&data, &saved).spawn().unwrap();
    match victim {
        Victim::Nobody => assert!(child.wait().await.unwrap().success()),
        Victim::Server => {
            some_of(usual).await;
            program.kill().await.unwrap();
            let _ = child.wait().await.unwrap();
            let is_whole = check(folder.path(), &saved, before, &writers.stop().await).await;
            return Outcome { took: begun.elapsed(), is_whole };
        }
        Victim::Command => {
            some_of(usual).await;
            kill(&mut child).await;
        }
    }
    let took = begun.elapsed();
    // Then: the server goes on, and makes another one.
    writers.wait_for(writers.count() + 1).await;
    if victim == Victim::Command {
        let again = folder.path().join("again");
        let before = writers.wait_for(1).await;
        save_until_it_is_free(&data, &again).await;
        assert!(manifest(&again)["head"].as_u64().unwrap() >= before);
    }
    let written = writers.stop().await;
    let is_whole = check(folder.path(), &saved, before, &written).await;
    program.kill().await.unwrap();
    Outcome { took, is_whole }
}

/// What a killed command began may still be on its way to its end.
async fn save_until_it_is_free(data: &Path, folder: &Path) {
    let begun = Instant::now();
    loop {
        let (code, said) = ended(&mut backup(data, folder)).await;
        if code == 0 {
            return;
        }
        assert!(said.contains("another backup is being made") && begun.elapsed() < super::PATIENCE, "{said}");
    }
}

/// Whether it is whole; either way it is what it says.
async fn check(folder: &Path, saved: &Path, before: u64, written: &Written) -> bool {
    let (new, same) = (folder.join("new"), folder.join("same"));
    if !saved.join("backup.json").exists() {
        let (code, said) = ended(&mut restore(saved, &new.join("data"), false)).await;
        assert_eq!(code, 9, "{said}");
        assert!(!new.join("data").exists());
        return false;
    }
    let head = manifest(saved)["head"].as_u64().unwrap();
    assert!(head >= before, "{before} was acknowledged before it began, and it ends at {head}");
    for (folder, same_journal) in [(new, false), (same, true)] {
        std::fs::create_dir(&folder).unwrap();
        let data = folder.join("data");
        done(&mut restore(saved, &data, same_journal)).await;
        if same_journal {
            // The views are those that were saved: none was made since.
            verify(&data, head, true).await;
        }
        let program = Program::start(&folder).await.unwrap();
        written.assert_prefix(&program.client().unwrap(), head).await;
        end(program).await;
        verify(&data, head, true).await;
    }
    true
}

async fn verify(data: &Path, head: u64, views: bool) {
    let said = done(command(data).args(["journal", "verify"])).await;
    assert!(said.contains(&format!("{head} events of")), "{said}");
    if views {
        done(command(data).args(["views", "verify"])).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_whole_or_refused() {
    let quiet = round(Victim::Nobody, Duration::ZERO).await;
    assert!(quiet.is_whole);
    let mut whole = 0;
    for number in 0..rounds() {
        let victim = if number % 2 == 0 { Victim::Server } else { Victim::Command };
        whole += u32::from(round(victim, quiet.took).await.is_whole);
    }
    println!("{} kills in {:?}: {whole} backups were whole", rounds(), quiet.took);
    if rounds() >= 50 {
        assert!(whole > 0 && whole < rounds(), "the kills all came too early or too late");
    }
}

#[tokio::test]
async fn a_restored_folder_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (source, saved) = (folder.path().join("source"), folder.path().join("saved"));
    done(command(&source).args(["demo", "--businesses", "1000"])).await;
    done(&mut backup(&source, &saved)).await;
    let head = manifest(&saved)["head"].as_u64().unwrap();
    let begun = Instant::now();
    done(&mut restore(&saved, &folder.path().join("quiet"), true)).await;
    let usual = begun.elapsed();

    let (mut moved, mut cut) = (0, 0);
    for number in 0..rounds() {
        let same_journal = number % 2 == 0;
        let target = folder.path().join(format!("target-{number}"));
        let mut child = restore(&saved, &target, same_journal).spawn().unwrap();
        some_of(usual).await;
        kill(&mut child).await;
        if target.exists() {
            moved += 1;
        } else {
            cut += 1;
            // Again, over what is left of the killed one.
            done(&mut restore(&saved, &target, same_journal)).await;
        }
        assert!(!target.with_file_name(format!("target-{number}.partial")).exists());
        verify(&target, head, same_journal).await;
        let expected = files(&folder.path().join("quiet"));
        let found = files(&target);
        assert_eq!(found.iter().any(|file| file.starts_with("views/")), same_journal, "{found:?}");
        assert!(found.iter().all(|file| expected.contains(file) || is_of_verifying(file)), "{found:?}");
        std::fs::remove_dir_all(&target).unwrap();
    }
    println!("{} kills in {usual:?}: {moved} after it was moved to its name, {cut} before", rounds());
    if rounds() >= 50 {
        assert!(moved > 0 && cut > 0, "the kills all came too early or too late");
    }
}

/// Left behind by what opens the folder.
fn is_of_verifying(file: &str) -> bool {
    file.ends_with("lock") || file.ends_with(".mdb")
}
