//! Engines in Java. Maven brings them: what the poms in `deploy/` name, each in a folder of its own.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use super::engine::Home;
use super::identity::Identity;
use super::versions::version;
use super::{packages, record};
use crate::root;

/// The whole download. What came until then is kept, and the next try goes on from there.
const WITHIN: Duration = Duration::from_secs(900);
/// One answer of a repository.
const ANSWER_WITHIN_MS: u32 = 60_000;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Lines of what Maven said that are shown with a failure.
const FAILURE_LINES: usize = 12;

/// What is brought.
pub(crate) struct Parcel {
    /// The folder below `deploy/` with its pom.
    pub(crate) pom: &'static str,
    /// Its version in `deploy/versions.env`.
    pub(crate) version: &'static str,
    /// The property of the pom that takes it.
    pub(crate) property: &'static str,
    /// What the dependency plugin does.
    pub(crate) goal: &'static str,
}

impl Parcel {
    /// The folder that holds it. It is downloaded once for each version and pom.
    pub(crate) fn fetch(&self, downloads: &Path) -> anyhow::Result<PathBuf> {
        let version = version(self.version)?;
        let pom = root().join("deploy").join(self.pom).join("pom.xml");
        let mut hasher = DefaultHasher::new();
        std::fs::read(&pom).with_context(|| format!("reading {}", pom.display()))?.hash(&mut hasher);
        let folder = downloads.join(format!("{}-{version}-{:016x}", self.pom, hasher.finish()));
        if folder.exists() {
            return Ok(folder);
        }
        std::fs::create_dir_all(downloads).with_context(|| format!("making {}", downloads.display()))?;
        let _lock = record::lock(&downloads.join(format!("{}.lock", self.pom)), WITHIN, "downloads the same")?;
        if !folder.exists() {
            packages::need(&[("java", "default-jre-headless"), ("mvn", "maven")])?;
            let unfinished = downloads.join(format!("{}.new", self.pom));
            if unfinished.exists() {
                std::fs::remove_dir_all(&unfinished).with_context(|| format!("removing {}", unfinished.display()))?;
            }
            println!("{}: fetching {version} with Maven", self.pom);
            let begun = Instant::now();
            self.download(&pom, &version, &unfinished, &downloads.join(format!("{}.maven.log", self.pom)))?;
            std::fs::rename(&unfinished, &folder).context("moving what was downloaded into place")?;
            println!("{}: fetched in {:.1} s", self.pom, begun.elapsed().as_secs_f64());
        }
        Ok(folder)
    }

    fn download(&self, pom: &Path, version: &str, folder: &Path, log: &Path) -> anyhow::Result<()> {
        let output = File::create(log).with_context(|| format!("making {}", log.display()))?;
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "--file"]).arg(pom).arg(format!("dependency:{}", self.goal));
        maven.args(["-DincludeScope=runtime".to_owned(), format!("-D{}={version}", self.property)]);
        maven.arg(format!("-Dmaven.wagon.rto={ANSWER_WITHIN_MS}"));
        maven.arg(format!("-DoutputDirectory={}", folder.display()));
        // What it has done already it notes beside the pom otherwise, and does not do it again.
        maven.arg(format!("-DmarkersDirectory={}", folder.join("markers").display()));
        maven.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let outcome = finish(maven, WITHIN);
        if matches!(&outcome, Ok(status) if status.success()) && folder.exists() {
            return Ok(());
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("[ERROR]")).take(FAILURE_LINES).collect();
        let why = match outcome {
            Ok(status) => format!("Maven {status}"),
            Err(error) => format!("{error:#}"),
        };
        bail!(
            "{} {version} cannot be downloaded: {why}. Is there a network? A mirror or proxy is named in \
             ~/.m2/settings.xml; what Maven said is in {}:\n{}",
            self.pom,
            log.display(),
            lines.join("\n")
        )
    }
}

/// Waits for the end of a command, and ends it itself when that takes too long.
fn finish(mut command: Command, within: Duration) -> anyhow::Result<ExitStatus> {
    let mut child = command.spawn().with_context(|| format!("starting {:?}", command.get_program()))?;
    let deadline = Instant::now() + within;
    loop {
        if let Some(status) = child.try_wait().context("waiting for its end")? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            child.kill().and_then(|()| child.wait()).context("ending it")?;
            bail!("it was not through after {within:?}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Java with what every engine is given on a small machine; `home` is its working folder.
pub(crate) fn program(home: &Home, heap: &str) -> anyhow::Result<Command> {
    let mut command = home.account.command(Path::new("java"), home.with_us)?;
    command.current_dir(&home.folder);
    command.args([&format!("-Xmx{heap}"), "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]);
    Ok(command)
}

/// Ends engines that were started in a folder and never written down.
pub(crate) fn clear_predecessors(name: &str, folder: &Path, endings: &[(Signal, Duration)]) -> anyhow::Result<()> {
    for process in Identity::at_work_in(folder, "java")? {
        println!("{name}: ending one that was left in {}", folder.display());
        process.end(endings)?;
    }
    Ok(())
}
