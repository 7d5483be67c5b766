//! PostgreSQL: a cluster of our own. The one that Debian's package would make is neither used nor started.

use std::fs::{File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;

use super::account::Account;
use super::engine::{Container, ContainerPort, Engine, Home, Launch};
use super::identity::Identity;
use super::ports;
use super::record::Address;
use super::versions::version;
use super::{is_program, packages};

/// Where Debian and Ubuntu put the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
const USER: &str = "lawless";
/// Enough for a whole test suite with a pool per test.
const CONNECTIONS_MAX: u32 = 200;
/// Fast, immediate, not at all: <https://www.postgresql.org/docs/current/server-shutdown.html>.
const ENDINGS: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(30)),
    (Signal::QUIT, Duration::from_secs(10)),
    (Signal::KILL, Duration::from_secs(10)),
];
/// Bytes of randomness in a password.
const PASSWORD_BYTES: usize = 16;

/// The engine.
pub(crate) struct Postgres;

impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn account(&self) -> anyhow::Result<Account> {
        // It refuses root.
        Account::ordinary()
    }

    fn prepare(&self, home: &Home) -> anyhow::Result<Launch> {
        let programs = programs()?;
        let data = home.folder.join("data");
        let password = match std::fs::read_to_string(home.folder.join("password")) {
            Ok(password) if data.join("PG_VERSION").exists() => password,
            _ => make_cluster(&programs, home, &data)?,
        };
        let made_by = std::fs::read_to_string(data.join("PG_VERSION")).context("reading PG_VERSION")?;
        ensure!(
            programs.major == made_by.trim(),
            "{} was made by PostgreSQL {}, and {} would run it: `cargo xtask services down --wipe` removes it",
            data.display(),
            made_by.trim(),
            programs.major
        );
        clear_predecessor(&data, self.endings())?;
        let port = ports::kept(&home.folder.join("port"))?;
        let mut command = home.account.command(&programs.folder.join("postgres"), home.with_us)?;
        command.arg("-D").arg(&data).current_dir(&home.folder);
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            // Only the loopback's port: a socket file needs a folder whose path is short.
            "unix_socket_directories=".to_owned(),
            format!("max_connections={CONNECTIONS_MAX}"),
            "log_line_prefix=%m [%p] %d ".to_owned(),
        ];
        for setting in settings {
            command.args(["-c", &setting]);
        }
        Ok(Launch { command, address: address(&password, &format!("127.0.0.1:{port}")) })
    }

    fn answers(&self, address: &Address) -> anyhow::Result<()> {
        // In the environment, not among the arguments: those are for everybody to see.
        let (password, reached) = parts(address.text()).context("not the address of a PostgreSQL")?;
        let (host, port) = reached.split_once(':').context("an address without a port")?;
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT 6 * 7"])
            .envs([("PGHOST", host), ("PGPORT", port), ("PGUSER", USER), ("PGDATABASE", "postgres")])
            .envs([("PGPASSWORD", password), ("PGCONNECT_TIMEOUT", "2")])
            .output()
            .context("starting psql")?;
        if output.status.success() && output.stdout.trim_ascii() == b"42" {
            return Ok(());
        }
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim())
    }

    fn endings(&self) -> &'static [(Signal, Duration)] {
        &ENDINGS
    }

    fn may_try_again(&self, log: &str) -> bool {
        // The second: a killed server's children notice its end a moment later.
        log.contains("Address already in use") || log.contains("pre-existing shared memory block")
    }

    fn container(&self) -> Container {
        Container { port: ContainerPort::Any(5432), password_variable: Some("POSTGRES_PASSWORD"), address }
    }
}

fn address(password: &str, reached: &str) -> Address {
    Address::Url(format!("postgres://{USER}:{password}@{reached}/postgres"))
}

/// Password, and host with port, of what [`address`] made.
fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("postgres://")?.strip_prefix(USER)?.strip_prefix(':')?;
    rest.strip_suffix("/postgres")?.split_once('@')
}

struct Programs {
    folder: PathBuf,
    major: String,
}

/// The wanted version, else a newer one that is there, else what the system's package brings.
fn programs() -> anyhow::Result<Programs> {
    let wanted = version("POSTGRES_VERSION")?;
    if find(&wanted).is_none() || !is_program("psql") {
        println!("PostgreSQL {wanted} or newer is not installed");
        // This order keeps Debian's package from making and starting a cluster that nobody asked for.
        packages::install(&["postgresql-common"])?;
        let mut configure =
            packages::as_root("sed", "the settings of PostgreSQL's packages can be changed by root only")?;
        configure.args(["-i", "s/^#\\?\\s*create_main_cluster.*/create_main_cluster = false/"]);
        let configured = configure.arg("/etc/postgresql-common/createcluster.conf").status().context("starting sed")?;
        ensure!(configured.success(), "the package's own cluster could not be prevented");
        packages::install(&["postgresql"])?;
    }
    find(&wanted).with_context(|| {
        format!("PostgreSQL {wanted} or newer is needed, and the system's package `postgresql` is older")
    })
}

/// The programs of a version, or of the newest one that is newer.
fn find(wanted: &str) -> Option<Programs> {
    let wanted: u32 = wanted.parse().ok()?;
    let versions = std::fs::read_dir(VERSIONS).ok()?.filter_map(|entry| {
        let major: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let folder = Path::new(VERSIONS).join(major.to_string()).join("bin");
        (major >= wanted && folder.join("initdb").exists()).then_some((major, folder))
    });
    let (major, folder) = versions.max_by_key(|(major, _)| (*major == wanted, *major))?;
    Some(Programs { folder, major: major.to_string() })
}

/// Makes a cluster, whole or not at all; gives its password.
fn make_cluster(programs: &Programs, home: &Home, data: &Path) -> anyhow::Result<String> {
    println!("postgres: making a cluster in {}", data.display());
    for left in [data, &home.folder.join("data.new")] {
        if left.exists() {
            std::fs::remove_dir_all(left).with_context(|| format!("removing {}", left.display()))?;
        }
    }
    let mut random = [0; PASSWORD_BYTES];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).context("making a password")?;
    let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = home.folder.join("password");
    std::fs::write(&file, &password).context("writing the password down")?;
    std::fs::set_permissions(&file, Permissions::from_mode(0o600))?;
    home.account.give(&file)?;
    let mut command = home.account.command(&programs.folder.join("initdb"), None)?;
    command.args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
    command.arg("--pwfile").arg(&file).arg("--pgdata").arg(home.folder.join("data.new")).current_dir(&home.folder);
    let output = command.output().context("starting initdb")?;
    ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    std::fs::rename(home.folder.join("data.new"), data).context("moving the cluster into place")?;
    Ok(password)
}

/// A server that was killed leaves its lock behind, which names a process. If that is a server of this very folder, one
/// that was started and never written down, it is ended; any other process merely has the number now, and its number
/// would keep a new server from starting.
fn clear_predecessor(data: &Path, endings: &[(Signal, Duration)]) -> anyhow::Result<()> {
    let file = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
    let process = text.lines().next().and_then(|line| line.parse().ok()).and_then(Identity::of);
    if let Some(process) = process.filter(|process| serves(process.pid, data)) {
        println!("postgres: ending a server that was left in {}", data.display());
        process.end(endings)?;
    }
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing the stale {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Whether a process is a PostgreSQL at work in a folder. A server's folder is where its data is.
fn serves(pid: i32, data: &Path) -> bool {
    let link = |name: &str| std::fs::read_link(format!("/proc/{pid}/{name}")).ok();
    let is_postgres = link("exe").is_some_and(|program| program.file_name().is_some_and(|name| name == "postgres"));
    is_postgres && link("cwd") == data.canonicalize().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_as_it_was_put_together() {
        assert_eq!(parts(address("secret", "127.0.0.1:4711").text()), Some(("secret", "127.0.0.1:4711")));
        assert_eq!(parts("postgres://somebody:secret@127.0.0.1:4711/postgres"), None);
    }

    #[test]
    fn a_stale_lock_that_names_a_foreign_process_is_removed_and_the_process_left_alone() {
        let data = tempfile::tempdir().unwrap();
        let mut foreign = Command::new("sleep").arg("1000").current_dir(data.path()).spawn().unwrap();
        let lock = data.path().join("postmaster.pid");
        std::fs::write(&lock, format!("{}\n{}\n", foreign.id(), data.path().display())).unwrap();
        clear_predecessor(data.path(), Postgres.endings()).unwrap();
        assert!(!lock.exists(), "a new server would not start");
        assert!(foreign.try_wait().unwrap().is_none(), "a foreign process was ended");
        foreign.kill().unwrap();
        foreign.wait().unwrap();
    }
}
