//! What stands on the screen: made of a model and a size, and of nothing else.

use super::columns::table;
use super::figures::{average, lasted, rate, share, size, took, whole};
use super::overview::{Commands, Group, Journal, Overview, Process, Reads};
use super::text::{Line, Piece, Tone};

/// Rows that are older than this are worth an alert; `docs/metrics.md` says so.
const OLD_SECONDS: f64 = 60.0;

/// What is known of the server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum View {
    /// Rates need a second look.
    Measuring {
        /// Where it is asked.
        address: String,
    },
    /// It answers.
    Running {
        /// Where it is asked.
        address: String,
        /// What it told.
        overview: Box<Overview>,
    },
    /// It does not.
    Unreachable {
        /// Since when, as people write it.
        since: String,
        /// How long that is.
        seconds: f64,
        /// Why.
        reason: String,
    },
}

impl View {
    /// Its lines in so much room. Without enough of it the last lines are missing, and that is said.
    pub(super) fn lines(&self, width: usize, height: usize) -> Vec<Line> {
        let sections = self.sections(width);
        let all: usize = sections.iter().map(Vec::len).sum();
        let gap = all + sections.len().saturating_sub(1) <= height;
        let mut lines = Vec::new();
        for section in sections {
            if gap && !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.extend(section);
        }
        if lines.len() > height && height > 1 {
            lines.truncate(height - 1);
            let words = format!("{} more lines need a higher terminal", all - lines.len());
            lines.push(Piece::new(words, Tone::Watch).into());
        }
        lines
    }

    fn sections(&self, width: usize) -> Vec<Vec<Line>> {
        match self {
            Self::Measuring { address } => {
                vec![vec![title(format!("http://{address}"), "measuring".to_owned(), Tone::Good)]]
            }
            Self::Running { address, overview } => {
                let up = format!("up {}", lasted(overview.up_seconds));
                vec![
                    vec![title(format!("{} at http://{address}", overview.version), up, Tone::Good)],
                    commands(&overview.commands, width),
                    journal(&overview.journal, width),
                    groups(&overview.groups, width),
                    process(&overview.process, width),
                    reads(&overview.reads, width),
                ]
            }
            Self::Unreachable { since, seconds, reason } => {
                let words = format!("not reachable since {since} ({})", lasted(*seconds));
                vec![vec![title(String::new(), words, Tone::Bad), Piece::from(reason.clone()).into()]]
            }
        }
    }
}

fn title(of: String, state: String, tone: Tone) -> Line {
    let gap = if of.is_empty() { "" } else { ", " };
    let name = Piece::new("lawless ", Tone::Title);
    Line(vec![name, of.into(), gap.to_owned().into(), Piece::new(state, tone)])
}

fn commands(commands: &Commands, width: usize) -> Vec<Line> {
    let Commands { accepted, refused, failed, decided_again, took: times } = commands;
    let headings = [
        ("Commands", 9),
        ("accepted/s", 10),
        ("refused/s", 9),
        ("failed/s", 8),
        ("decided again/s", 15),
        ("p50", 8),
        ("p99", 8),
    ];
    let row = vec![
        String::new().into(),
        rate(*accepted).into(),
        rate(*refused).into(),
        warned(rate(*failed), *failed > 0.0, Tone::Bad),
        rate(*decided_again).into(),
        took(times.p50).into(),
        took(times.p99).into(),
    ];
    table(&headings, vec![row], width)
}

fn journal(journal: &Journal, width: usize) -> Vec<Line> {
    let headings = [
        ("Journal", 9),
        ("position", 10),
        ("events/s", 8),
        ("queue", 6),
        ("batches/s", 9),
        ("batch", 6),
        ("p99", 5),
        ("append", 8),
        ("p99", 8),
    ];
    let row = vec![
        String::new().into(),
        whole(journal.position).into(),
        rate(journal.events).into(),
        whole(journal.queue).into(),
        rate(journal.batches).into(),
        average(journal.batch_mean).into(),
        journal.batch_p99.map_or_else(|| "-".to_owned(), whole).into(),
        took(journal.took.p50).into(),
        took(journal.took.p99).into(),
    ];
    table(&headings, vec![row], width)
}

fn groups(groups: &[Group], width: usize) -> Vec<Line> {
    let headings = [
        ("Groups", 9),
        ("state", 11),
        ("position", 10),
        ("events/s", 8),
        ("behind", 7),
        ("for", 6),
        ("parked", 6),
        ("rebuild", 15),
    ];
    let row = |group: &Group| {
        let rebuild = group.rebuild.as_ref().map_or_else(
            || "-".to_owned(),
            |rebuild| match rebuild.seconds_left {
                Some(left) => format!("{}, {}", share(Some(rebuild.done)), lasted(left)),
                None => share(Some(rebuild.done)),
            },
        );
        vec![
            group.name.clone().into(),
            Piece::new(group.health.clone(), health_tone(&group.health)),
            whole(group.position).into(),
            rate(group.events).into(),
            whole(group.behind_events).into(),
            warned(lasted(group.behind_seconds), group.behind_seconds > OLD_SECONDS, Tone::Bad),
            warned(whole(group.parked), group.parked > 0.0, Tone::Bad),
            warned(rebuild, group.rebuild.is_some(), Tone::Watch),
        ]
    };
    table(&headings, groups.iter().map(row).collect(), width)
}

fn health_tone(health: &str) -> Tone {
    match health {
        "live" => Tone::Good,
        "catching up" | "rebuilding" | "paused" => Tone::Watch,
        _ => Tone::Bad,
    }
}

fn process(process: &Process, width: usize) -> Vec<Line> {
    let mut headings = vec![("Process", 9), ("processors", 10), ("memory", 9), ("its own", 9), ("connections", 11)];
    let mut row: Vec<Piece> = vec![
        String::new().into(),
        share(Some(process.cpu)).into(),
        size(process.memory).into(),
        size(process.own_memory).into(),
        whole(process.connections).into(),
    ];
    for (store, bytes) in &process.stores {
        let heading = match store.as_str() {
            "journal" => "journal",
            "views" => "views",
            _ => "other store",
        };
        headings.push((heading, 9));
        row.push(size(*bytes).into());
    }
    table(&headings, vec![row], width)
}

fn reads(reads: &[Reads], width: usize) -> Vec<Line> {
    let headings = [("Reads", 32), ("/s", 8), ("p50", 8), ("p99", 8), ("304", 5), ("4xx/s", 6), ("5xx/s", 6)];
    let row = |reads: &Reads| {
        vec![
            reads.route.clone().into(),
            rate(reads.rate).into(),
            took(reads.took.p50).into(),
            took(reads.took.p99).into(),
            share(reads.not_modified).into(),
            rate(reads.client_errors).into(),
            warned(rate(reads.server_errors), reads.server_errors > 0.0, Tone::Bad),
        ]
    };
    table(&headings, reads.iter().map(row).collect(), width)
}

fn warned(text: String, is: bool, tone: Tone) -> Piece {
    if is { Piece::new(text, tone) } else { text.into() }
}
