//! What a terminal is told, and that it is given back.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;

use super::screen::{Screen, paint};
use super::text::{Line, Piece, Tone};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_screen_shows_the_lines_and_nothing_that_was_there_before() {
    let lines = [
        Line(vec![Piece::new("ab", Tone::Title), Piece::new("cdef", Tone::Plain)]),
        Line::default(),
        Line(vec![Piece::new("no room for this", Tone::Bad)]),
    ];
    let painted = |size| {
        let mut bytes = Vec::new();
        paint(&mut bytes, &lines, size).unwrap();
        String::from_utf8(bytes).unwrap().replace('\u{1b}', "^")
    };
    assert_eq!(painted((5, 2)), "^[?2026h^[1;1H^[K^[1mab^[0m^[0mcde^[2;1H^[K^[?2026l");
    assert!(painted((20, 5)).contains("^[3;1H^[K^[38;5;1m^[1mno room for this^[0m^[0m^[4;1H^[K^[5;1H^[K^[?2026l"));
    assert_eq!(painted((0, 0)), "^[?2026h^[?2026l");
}

/// Runs itself once more, in a terminal of its own, and panics there.
#[test]
fn a_panic_gives_the_terminal_back_before_it_says_anything() {
    const PANICS: &str = "LAWLESS_TEST_PANICS_ON_A_SCREEN";
    if std::env::var_os(PANICS).is_some() {
        let _screen = Screen::open().unwrap();
        panic!("it has happened");
    }
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = std::ffi::OsString::from_vec(ptsname(&terminal, Vec::new()).unwrap().into_bytes());
    let end = || File::options().read(true).write(true).open(&name).unwrap();
    let inside = end();
    let before = tcgetattr(&inside).unwrap();
    let test = "top::screen_tests::a_panic_gives_the_terminal_back_before_it_says_anything";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PANICS, "1")
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .unwrap();
    let written = in_the_background(move || {
        let (mut terminal, mut bytes) = (File::from(terminal), Vec::new());
        // The end is an error here.
        let _ = terminal.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let ended = in_the_background(move || child.wait().unwrap());
    assert!(!ended.recv_timeout(PATIENCE).expect("it ends").success());
    // Before the last one lets go: the system puts it back then, whatever the program did.
    let after = tcgetattr(&inside).unwrap();
    drop(inside);
    let written = written.recv_timeout(PATIENCE).unwrap();
    let at = |text: &str| written.find(text).unwrap_or_else(|| panic!("no {text:?} in {written:?}"));
    assert!(at("\u{1b}[?1049h") < at("\u{1b}[?1049l") && at("\u{1b}[?25l") < at("\u{1b}[?25h"), "{written:?}");
    assert!(at("\u{1b}[?1049l") < at("it has happened"), "said where nobody sees it: {written:?}");
    assert_eq!((after.local_modes, after.input_modes), (before.local_modes, before.input_modes), "echo and lines");
}

fn in_the_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> mpsc::Receiver<T> {
    let (sender, done) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    done
}
