//! A terminal with a program in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// What has not been written by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);

const ENTER_SCREEN: &str = "\u{1b}[?1049h";
const LEAVE_SCREEN: &str = "\u{1b}[?1049l";

/// The side of a person: what is written there, and keys.
pub(super) struct Terminal {
    child: Child,
    /// The side of the program.
    inside: File,
    keys: File,
    written: mpsc::UnboundedReceiver<Vec<u8>>,
    unread: String,
    all: String,
    before: Termios,
}

impl Terminal {
    /// Starts the program in a terminal of so many columns and rows.
    pub(super) fn start(command: &mut Command, (columns, rows): (u16, u16)) -> Self {
        let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&outside).unwrap();
        unlockpt(&outside).unwrap();
        let name = ptsname(&outside, Vec::new()).unwrap();
        let inside = File::options().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
        tcsetwinsize(&inside, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let before = tcgetattr(&inside).unwrap();
        let end = || inside.try_clone().unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm").spawn().unwrap();
        let written = read_all(outside.try_clone().unwrap());
        Self { child, inside, keys: outside.into(), written, unread: String::new(), all: String::new(), before }
    }

    /// Returns when this has been written, after what was waited for before.
    pub(super) async fn wait_for(&mut self, text: &str) {
        let found = async {
            loop {
                if let Some(at) = self.unread.find(text) {
                    self.unread.drain(..at + text.len());
                    return true;
                }
                let Some(more) = self.written.recv().await else { return false };
                let more = String::from_utf8_lossy(&more).into_owned();
                self.unread.push_str(&more);
                self.all.push_str(&more);
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await.unwrap_or(false);
        assert!(found, "never said: {text:?}; but {:?}", self.unread);
    }

    /// Presses keys.
    pub(super) fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    /// Asks the program to end (SIGTERM).
    pub(super) fn terminate(&self) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
    }

    /// Waits for the end of the program; the terminal must be as it was before, and show what it showed.
    pub(super) async fn ended_well(mut self) {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        let after = tcgetattr(&self.inside).unwrap();
        drop(self.inside);
        while let Some(more) = self.written.recv().await {
            self.all.push_str(&String::from_utf8_lossy(&more));
        }
        let all = self.all;
        assert_eq!(ended.code(), Some(0), "{all:?}");
        assert_eq!(after.local_modes, self.before.local_modes, "echo and lines");
        assert_eq!(after.input_modes, self.before.input_modes);
        assert_eq!(after.output_modes, self.before.output_modes);
        let (entered, left) = (all.find(ENTER_SCREEN), all.rfind(LEAVE_SCREEN));
        assert!(entered.is_some() && entered < left, "{all:?}");
        assert!(all.rfind("\u{1b}[?25l") < all.rfind("\u{1b}[?25h"), "the cursor is seen again: {all:?}");
    }
}

/// Reads until nobody has the other side any more.
fn read_all(outside: OwnedFd) -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut outside = File::from(outside);
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        // The end is an error here.
        while let Ok(read @ 1..) = outside.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
