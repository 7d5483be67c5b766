//! The API keeps what its description says: schemathesis, every check, at least 100 examples an operation.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use it::Program;
use tokio::process::Command;

const EXAMPLES: &str = "100";
/// A run takes about a minute.
const DEADLINE: Duration = Duration::from_secs(600);

async fn run(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(DEADLINE, output).await.expect("it did not end").expect("it did not start");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// The program, of the version that is written down, in a virtual environment beside what is built.
async fn schemathesis(settings: &Path) -> PathBuf {
    let requirements = settings.join("requirements.txt");
    let target = it::lawless().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let environment = target.join("schemathesis");
    let (program, done) = (environment.join("bin/schemathesis"), environment.join("requirements.txt"));
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) && program.is_file() {
        return program;
    }
    let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment)).await;
    assert!(made.0, "python3 with its module venv is needed: {}", made.1);
    let mut pip = Command::new(environment.join("bin/pip"));
    let installed =
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements)).await;
    assert!(installed.0, "schemathesis cannot be installed: {}", installed.1);
    std::fs::write(done, wanted).unwrap();
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_keeps_what_its_description_says() {
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemathesis");
    let schemathesis = schemathesis(&settings).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut demo = Command::new(it::lawless().unwrap());
    let demo = run(demo.args(["demo", "--businesses", "300", "--data"]).arg(&data)).await;
    assert!(demo.0, "{}", demo.1);
    let program = Program::start(folder.path()).await.unwrap();
    let key = std::fs::read_to_string(data.join("admin-key")).unwrap();

    // Always the same inputs, unless it is to look for more.
    let long = std::env::var_os("LAWLESS_LONG").is_some();
    let seed = if long { rand::random::<u32>().to_string() } else { "1".to_owned() };
    let mut command = Command::new(schemathesis);
    command
        .current_dir(&settings)
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("{}/openapi.json", program.api()))
        .args(["--header", &format!("Authorization: Bearer {}", key.trim())])
        .args(["--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure", "--seed", &seed])
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let (kept, said) = run(&mut command).await;
    assert!(kept, "seed {seed}: {said}");
    for phase in ["Examples", "Coverage", "Fuzzing", "Stateful"] {
        assert!(said.contains(&format!("✅ {phase}")), "{phase} did not run: {said}");
    }
}
