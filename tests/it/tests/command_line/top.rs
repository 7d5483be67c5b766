//! `lawless top`: the numbers of a server at work.

use std::cell::Cell;
use std::path::Path;

use it::Program;
use serde_json::json;

use super::terminal::Terminal;
use super::{command, ended, output};

/// What stands under a heading: they end at the same column. The heading of a section is its first word.
fn under<'a>(frame: &'a str, section: &str, heading: &str, row: &str) -> &'a str {
    let lines = || frame.lines().skip_while(|line| !line.starts_with(section));
    let headings = lines().next().unwrap_or_else(|| panic!("no {section} in\n{frame}"));
    let whole = |at: usize| headings[..at].ends_with(' ') && !headings[at + heading.len()..].starts_with(|c| c != ' ');
    let at = headings.match_indices(heading).map(|(at, _)| at).find(|at| whole(*at));
    let end = at.unwrap_or_else(|| panic!("no {heading} in\n{frame}")) + heading.len();
    let line = lines().skip(1).find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no {row} in\n{frame}"));
    // Headings are ASCII, numbers need not be: µs.
    let end = line.char_indices().nth(end).map_or(line.len(), |(at, _)| at);
    line[..end].rsplit("  ").next().unwrap().trim()
}

fn number(text: &str) -> f64 {
    let digits = text.split(' ').next().unwrap().replace(',', "");
    digits.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// Commands that are accepted, and refused; reads that give a page, nothing new, and an error.
struct Load {
    accepted: Cell<u32>,
    read: Cell<u32>,
}

impl Load {
    async fn run(&self, program: &Program) {
        let client = program.client().unwrap();
        for round in 0_u32.. {
            let body = json!({"names": {"en": "Food"}});
            let path = format!("/v1/categories/food-{round}");
            let defined = client.command("PUT", &path, &body, &[]).await.unwrap();
            assert_eq!(defined.status, 201, "{}", defined.text());
            self.accepted.set(self.accepted.get() + 1);
            let body = json!({"parent": "no-such", "names": {"en": "Food"}});
            let refused = client.command("PUT", &format!("{path}-more"), &body, &[]).await.unwrap();
            assert_eq!(refused.status, 422, "{}", refused.text());
            let token = defined.header("lawless-consistency").to_owned();
            let page = client.get(&path, &[("Lawless-Consistency", &token)]).await.unwrap();
            let tag = page.header("etag").to_owned();
            assert_eq!(client.get(&path, &[("If-None-Match", &tag)]).await.unwrap().status, 304);
            assert_eq!(client.get("/v1/businesses/nobody", &[]).await.unwrap().status, 404);
            self.read.set(self.read.get() + 3);
        }
    }
}

#[tokio::test]
async fn once_tells_what_happened_between_two_looks() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let load = Load { accepted: Cell::new(0), read: Cell::new(0) };
    let data = program.data();
    let mut top = command(&data);
    top.args(["top", "--once", "--interval", "2"]);
    let top = tokio::select! {
        output = output(&mut top) => output,
        () = load.run(&program) => unreachable!("it has no end"),
    };
    let (code, said) = ended(&top);
    assert_eq!(code, 0, "{said}");
    let frame = String::from_utf8(top.stdout).unwrap();
    assert!(!frame.contains('\u{1b}'), "plain text, for pipes: {frame:?}");
    let address = program.admin();
    assert!(frame.starts_with(&format!("lawless {} at {address}, up ", env!("CARGO_PKG_VERSION"))), "{frame}");

    let of = |section: &str, heading: &str| under(&frame, section, heading, "").to_owned();
    let rate = |section: &str, heading: &str| number(&of(section, heading));
    // The looks are two seconds apart, and what they can have seen is what was done in all.
    let (accepted, read) = (f64::from(load.accepted.get()), f64::from(load.read.get()));
    for heading in ["accepted/s", "refused/s"] {
        let rate = rate("Commands", heading);
        assert!(rate > 0.0 && rate <= accepted + 1.0, "{heading} of {accepted}:\n{frame}");
    }
    assert_eq!(rate("Commands", "failed/s"), 0.0);
    let position = rate("Journal", "position");
    assert!(position > 1.0 && position <= accepted + 1.0, "of {accepted}:\n{frame}");
    assert!(rate("Journal", "events/s") > 0.0 && rate("Journal", "batches/s") > 0.0, "{frame}");
    assert_eq!(number(under(&frame, "Journal", "batch", "")), 1.0, "one command after the other:\n{frame}");
    let group = |heading: &str| under(&frame, "Groups", heading, "directory").to_owned();
    assert_eq!((group("state").as_str(), group("parked").as_str(), group("rebuild").as_str()), ("live", "0", "-"));
    assert!(number(&group("events/s")) > 0.0 && number(&group("position")) <= position, "{frame}");
    assert!(number(&of("Process", "processors")) > 0.0, "{frame}");
    for heading in ["memory", "its own", "journal", "views"] {
        assert!(of("Process", heading).ends_with("iB") && rate("Process", heading) > 0.0, "{heading}:\n{frame}");
    }
    let reads = |row: &str, heading: &str| number(under(&frame, "Reads", heading, row));
    assert!(reads("all", "/s") > 0.0 && reads("all", "/s") <= read + 3.0, "{frame}");
    assert!((10.0..=60.0).contains(&reads("all", "304")), "one in three:\n{frame}");
    assert_eq!(reads("/v1/businesses/{id} ", "304"), 0.0);
    assert!(reads("/v1/businesses/{id} ", "4xx/s") > 0.0 && reads("/v1/categories/{slug} ", "4xx/s") == 0.0, "{frame}");
    assert!(under(&frame, "Reads", "p99", "/v1/categories/{slug} ").ends_with('s'), "{frame}");
    assert_eq!(reads("all", "5xx/s"), 0.0);
}

#[tokio::test]
async fn once_says_that_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    for data in [folder.path().join("nothing"), folder.path().to_owned()] {
        let (code, said) = ended(&output(command(&data).args(["top", "--once"])).await);
        assert!(code == 1 && said.contains(&format!("no server runs on {}", data.display())), "{code} {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a look leaves nothing behind");
    let (code, said) = ended(&output(command(folder.path()).arg("top")).await);
    assert!(code == 1 && said.contains("--once"), "without a terminal: {code} {said}");
    let (code, said) = ended(&output(command(folder.path()).args(["top", "--interval", "0"])).await);
    assert!(code == 2 && said.contains("0.1"), "{code} {said}");
}

fn live(data: &Path) -> Terminal {
    let mut top = command(data);
    top.args(["top", "--interval", "0.2"]);
    Terminal::start(&mut top, (100, 30))
}

#[tokio::test]
async fn the_live_view_outlives_the_server_and_gives_the_terminal_back() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let mut top = live(&program.data());
    top.wait_for("directory").await;
    top.wait_for("Reads").await;
    program.kill().await.unwrap();
    top.wait_for("not reachable since").await;
    let program = Program::start(folder.path()).await.unwrap();
    top.wait_for("Groups").await;
    drop(program);
    top.wait_for("not reachable since").await;
    top.press(b"q");
    top.ended_well().await;
}

#[tokio::test]
async fn q_escape_control_c_and_a_signal_end_the_live_view() {
    let folder = tempfile::tempdir().unwrap();
    for keys in [b"q".as_slice(), b"\x1b", b"\x03"] {
        let mut top = live(folder.path());
        top.wait_for("not reachable since").await;
        top.press(b"x");
        top.press(keys);
        top.ended_well().await;
    }
    let mut top = live(folder.path());
    top.wait_for("not reachable since").await;
    top.terminate();
    top.ended_well().await;
    // A terminal that has no size yet, and one that is hardly there.
    for size in [(0, 0), (3, 2)] {
        let mut top = Terminal::start(command(folder.path()).args(["top", "--interval", "0.1"]), size);
        top.wait_for("\u{1b}[?1049h").await;
        top.press(b"q");
        top.ended_well().await;
    }
}
