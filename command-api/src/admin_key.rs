//! The admin key: one secret in a file, read again when the file changes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rand::RngExt;
use subtle::ConstantTimeEq;
use thiserror::Error;

const PREFIX: &str = "lawless_admin_";
const ID_CHARS: usize = 8;
const SECRET_CHARS: usize = 64;
const CRC_CHARS: usize = 8;
/// More than a key, so that a wrong file is seen to be one without reading all of it.
const MAX_FILE_BYTES: u64 = 1_024;

/// Why there is no admin key.
#[derive(Debug, Error)]
pub enum AdminKeyError {
    /// The file cannot be read or written.
    #[error("the admin key in {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path} does not hold an admin key; remove it, or rotate the key")]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The file is given, and everybody can read it.
    #[error("{path} may be read by everybody; chmod 640 or 600 it")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

/// Why a key that was presented is not the admin key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyRefused {
    /// Not the shape of a key, or mistyped.
    #[error("not an admin key: it was cut off or mistyped")]
    Malformed,
    /// A key, but not this one.
    #[error("not the admin key of this directory; it may have been rotated")]
    Wrong,
    /// The key's file cannot be read.
    #[error("the admin key cannot be checked")]
    Unavailable,
}

/// The admin key's file. Cheap to clone.
#[derive(Clone)]
pub struct AdminKeyFile {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    keeper: Keeper,
    current: Mutex<Current>,
}

/// Who sees to the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeper {
    /// This program: it made the file, and says if others came to be able to read it.
    Us,
    /// Whoever gave it.
    Others,
}

/// The key as of the file's last change.
#[derive(Clone)]
struct Current {
    stamp: Stamp,
    key: AdminKey,
}

/// Tells one content of the file from the next: a rotation makes a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
    len: u64,
}

#[derive(Clone)]
struct AdminKey {
    id: String,
    text: String,
}

/// Never shows the key.
impl std::fmt::Debug for AdminKeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminKeyFile").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl AdminKeyFile {
    /// Reads the key, or makes one; the text of a key just made comes with it, to be shown once.
    ///
    /// # Errors
    /// When the file can be neither read nor made, or holds something else.
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<(Self, Option<String>), AdminKeyError> {
        let path = path.as_ref().to_owned();
        let made = match path.try_exists() {
            Ok(true) => None,
            Ok(false) => Some(Self::rotate(&path)?),
            Err(source) => return Err(AdminKeyError::File { path, source }),
        };
        Ok((Self::open(path, Keeper::Us)?, made))
    }

    /// Reads a key that somebody else keeps. It is never written, and must not be readable by everybody.
    ///
    /// # Errors
    /// When the file cannot be read, can be read by everybody, or holds something else.
    pub fn given(path: impl AsRef<Path>) -> Result<Self, AdminKeyError> {
        Self::open(path.as_ref().to_owned(), Keeper::Others)
    }

    fn open(path: PathBuf, keeper: Keeper) -> Result<Self, AdminKeyError> {
        let current = read(&path, keeper)?;
        Ok(Self { inner: Arc::new(Inner { path, keeper, current: Mutex::new(current) }) })
    }

    /// Replaces the key. A running server takes the new one with the next request and the old one no more.
    ///
    /// # Errors
    /// When the file cannot be written; the old key holds then.
    pub fn rotate(path: impl AsRef<Path>) -> Result<String, AdminKeyError> {
        let path = path.as_ref();
        let key = AdminKey::random();
        replace(path, &key.text).map_err(|source| AdminKeyError::File { path: path.to_owned(), source })?;
        Ok(key.text)
    }

    /// The id of the key, when what was presented is the key.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check(&self, presented: &str) -> Result<String, KeyRefused> {
        if AdminKey::parse(presented).is_none() {
            return Err(KeyRefused::Malformed);
        }
        let current = self.current().map_err(|error| {
            tracing::error!(%error, "the admin key cannot be checked");
            KeyRefused::Unavailable
        })?;
        // The texts have one length; how far they are equal must not show in the time that it takes.
        let equal: bool = current.text.as_bytes().ct_eq(presented.as_bytes()).into();
        if equal { Ok(current.id) } else { Err(KeyRefused::Wrong) }
    }

    /// The key as the file holds it now; a look at the file's metadata when nothing changed.
    fn current(&self) -> Result<AdminKey, AdminKeyError> {
        let path = &self.inner.path;
        let metadata = fs::metadata(path).map_err(|source| AdminKeyError::File { path: path.clone(), source })?;
        let mut current = self.inner.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.stamp != Stamp::of(&metadata) {
            *current = read(path, self.inner.keeper)?;
            tracing::info!(key = current.key.id, "the admin key was rotated");
        }
        Ok(current.key.clone())
    }
}

impl AdminKey {
    fn random() -> Self {
        let mut rng = rand::rng();
        let id = hex(&rng.random::<[u8; ID_CHARS / 2]>());
        let secret = hex(&rng.random::<[u8; SECRET_CHARS / 2]>());
        let signed = format!("{PREFIX}{id}_{secret}");
        let text = format!("{signed}_{}", checksum(&signed));
        Self { id, text }
    }

    /// A key of the right shape whose checksum fits.
    fn parse(text: &str) -> Option<Self> {
        let (signed, crc) = text.rsplit_once('_')?;
        let (id, secret) = signed.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |part: &str, chars: usize| {
            part.len() == chars && part.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
        };
        let sound = is_hex(id, ID_CHARS) && is_hex(secret, SECRET_CHARS) && is_hex(crc, CRC_CHARS);
        (sound && checksum(signed) == crc).then(|| Self { id: id.to_owned(), text: text.to_owned() })
    }
}

/// Finds typing errors; it keeps nothing secret.
fn checksum(signed: &str) -> String {
    format!("{:08x}", crc32c::crc32c(signed.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            len: metadata.len(),
        }
    }
}

fn read(path: &Path, keeper: Keeper) -> Result<Current, AdminKeyError> {
    let file_error = |source| AdminKeyError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(file_error)?;
    let metadata = file.metadata().map_err(file_error)?;
    if keeper == Keeper::Others {
        // A group may: that is how a cluster hands secrets to programs that are not root.
        if metadata.mode() & 0o007 != 0 {
            return Err(AdminKeyError::Exposed { path: path.to_owned() });
        }
    } else if metadata.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the admin key can be read by others; chmod 600 it");
    }
    let not_a_key = || AdminKeyError::NotAKey { path: path.to_owned() };
    if metadata.len() > MAX_FILE_BYTES {
        return Err(not_a_key());
    }
    let text = io::read_to_string(file).map_err(file_error)?;
    let key = AdminKey::parse(text.trim_end()).ok_or_else(not_a_key)?;
    Ok(Current { stamp: Stamp::of(&metadata), key })
}

/// Whole or not at all, also when the power goes: a new file beside it, synced, put in its place.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        let (keys, made) = AdminKeyFile::load_or_create(&path).unwrap();
        let made = made.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let (again, none) = AdminKeyFile::load_or_create(&path).unwrap();
        assert_eq!(none, None);
        assert_eq!(keys.check(&made).unwrap(), again.check(&made).unwrap());
        assert!(!format!("{keys:?}").contains(&made[20..40]));
    }

    #[test]
    fn a_rotation_holds_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        let (keys, old) = AdminKeyFile::load_or_create(&path).unwrap();
        let old = old.unwrap();
        let new = AdminKeyFile::rotate(&path).unwrap();
        assert_eq!(keys.check(&old), Err(KeyRefused::Wrong));
        assert!(keys.check(&new).is_ok());
        fs::remove_file(&path).unwrap();
        assert_eq!(keys.check(&new), Err(KeyRefused::Unavailable));
    }

    #[test]
    fn a_given_key_is_taken_while_not_everybody_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        assert!(matches!(AdminKeyFile::given(&path), Err(AdminKeyError::File { .. })));
        assert!(!path.exists(), "it is not ours to make");
        let first = AdminKeyFile::rotate(&path).unwrap();
        let keys = AdminKeyFile::given(&path).unwrap();
        assert!(keys.check(&first).is_ok());
        // When: another one is put there, for everybody to read.
        let second = AdminKeyFile::rotate(&path).unwrap();
        let allow = |mode| fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        allow(0o644);
        assert_eq!(keys.check(&second), Err(KeyRefused::Unavailable));
        assert!(matches!(AdminKeyFile::given(&path), Err(AdminKeyError::Exposed { .. })));
        allow(0o440);
        assert!(keys.check(&second).is_ok());
        assert_eq!(keys.check(&first), Err(KeyRefused::Wrong));
    }

    #[test]
    fn a_mistyped_key_is_told_from_a_wrong_one() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, made) = AdminKeyFile::load_or_create(folder.path().join("admin.key")).unwrap();
        let made = made.unwrap();
        let other = AdminKey::random().text;
        assert_eq!(keys.check(&other), Err(KeyRefused::Wrong));
        let mistyped = made.replace(&made[30..31], if &made[30..31] == "0" { "1" } else { "0" });
        for malformed in
            ["", "lawless_admin_", &made[..made.len() - 1], &mistyped, &made.to_uppercase(), &format!("{made} ")]
        {
            assert_eq!(keys.check(malformed), Err(KeyRefused::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        fs::write(&path, "something else").unwrap();
        assert!(matches!(AdminKeyFile::load_or_create(&path), Err(AdminKeyError::NotAKey { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "something else");
    }
}
