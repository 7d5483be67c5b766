//! What cannot be saved, or is no backup, is refused with words, and nothing is left behind.

use super::{backup, command, done, end, ended, files, manifest, restore, start_with_category};

#[tokio::test]
async fn everything_that_is_kept_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (program, _) = start_with_category(folder.path()).await;
    let data = program.data();
    let saved = folder.path().join("saved");
    done(&mut backup(&data, &saved)).await;
    // What only this process, or the machine, knows.
    let is_passing = |file: &str| {
        file.ends_with("lock")
            || file.ends_with("lock.mdb")
            || ["admin.addr", "journal.sqlite-wal", "journal.sqlite-shm"].contains(&file)
    };
    let mut kept = files(&data);
    kept.retain(|file| !is_passing(file));
    let mut expected = files(&saved);
    expected.retain(|file| file != "backup.json");
    assert_eq!(kept, expected);
    let mut named: Vec<String> = manifest(&saved)["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    named.sort_unstable();
    assert_eq!(named, expected);

    // Folders that are not free.
    let (code, said) = ended(&mut backup(&data, &saved)).await;
    assert_eq!((code, said.contains("is not empty")), (8, true), "{said}");
    let (code, said) = ended(&mut backup(&data, &data.join("inside"))).await;
    assert_eq!((code, said.contains("lies in the data folder")), (1, true), "{said}");
    assert!(!data.join("inside").exists());
    let (code, said) = ended(&mut backup(&folder.path().join("nowhere"), &folder.path().join("more"))).await;
    assert_eq!((code, said.contains("there is no data folder")), (1, true), "{said}");
    assert!(!folder.path().join("more").exists());
    let (code, said) = ended(&mut restore(&saved, &data, false)).await;
    assert_eq!((code, said.contains("is not empty")), (8, true), "{said}");
    end(program).await;
    // An empty folder is free, and no server is needed.
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    done(&mut backup(&data, &empty)).await;
    assert_eq!(files(&empty), files(&saved));
}

#[tokio::test]
async fn a_damaged_backup_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (source, saved) = (folder.path().join("source"), folder.path().join("saved"));
    done(command(&source).args(["demo", "--businesses", "20"])).await;
    done(&mut backup(&source, &saved)).await;
    // Used as a data folder, it would become another history under the same id.
    let (code, said) = ended(command(&saved).args(["journal", "verify"])).await;
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("is a backup"), "{said}");

    let target = folder.path().join("target");
    let refused = async |what: &str| {
        let (code, said) = ended(&mut restore(&saved, &target, true)).await;
        assert_eq!(code, 9, "{what}: {said}");
        assert!(said.contains(what), "{what}: {said}");
        assert!(!target.exists() && !folder.path().join("target.partial").exists(), "{what}");
    };
    for file in files(&saved).iter().filter(|file| *file != "backup.json") {
        let path = saved.join(file);
        let bytes = std::fs::read(&path).unwrap();
        // The format is looked at first, and says so in other words.
        let said = if file == "format" { "another version of the program" } else { file };
        // One bit, one byte less, and none at all.
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        std::fs::write(&path, flipped).unwrap();
        refused(said).await;
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        refused(said).await;
        std::fs::remove_file(&path).unwrap();
        refused(said).await;
        std::fs::write(&path, bytes).unwrap();
    }
    // A manifest that says something else of the journal.
    let text = std::fs::read_to_string(saved.join("backup.json")).unwrap();
    let head = manifest(&saved)["head"].as_u64().unwrap();
    std::fs::write(saved.join("backup.json"), text.replace(&format!("\"head\": {head}"), "\"head\": 7")).unwrap();
    refused("its journal ends at").await;
    std::fs::write(saved.join("backup.json"), &text[..text.len() / 2]).unwrap();
    refused("is damaged").await;
    std::fs::remove_file(saved.join("backup.json")).unwrap();
    refused("no backup, or one that was not finished").await;
    std::fs::write(saved.join("backup.json"), text).unwrap();

    // What is in the way is not removed.
    let partial = folder.path().join("target.partial");
    std::fs::create_dir(&partial).unwrap();
    std::fs::write(partial.join("holiday.jpg"), "not ours").unwrap();
    let (code, said) = ended(&mut restore(&saved, &target, true)).await;
    assert_eq!((code, said.contains("is in the way")), (1, true), "{said}");
    assert_eq!(files(&partial), ["holiday.jpg"]);
    std::fs::remove_dir_all(&partial).unwrap();
    done(&mut restore(&saved, &target, true)).await;
    done(command(&target).args(["views", "verify"])).await;
}
