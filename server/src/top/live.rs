//! The view on a terminal, until somebody ends it.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures::StreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::asking::{Asker, Told};
use super::screen::Screen;
use super::view::View;
use super::watching::Watch;
use crate::signals::{stop_signal, stopped};

/// Shows what the server tells, until q, Esc, Ctrl-C or a signal.
pub(super) async fn show(asker: Asker, interval: Duration) -> anyhow::Result<()> {
    ensure!(std::io::stdout().is_terminal(), "standard output is no terminal; `lawless top --once` writes to anything");
    let mut stop = stop_signal()?;
    let (sender, mut answers) = mpsc::channel(1);
    // Beside the keys: a server that is slow to answer must not keep anybody in here.
    tokio::spawn(ask_again_and_again(asker, interval, sender));
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let mut watch = Watch::default();
    let mut view: Option<View> = None;
    loop {
        screen.draw(|width, height| view.as_ref().map_or_else(Vec::new, |view| view.lines(width, height)))?;
        tokio::select! {
            answer = answers.recv() => match answer {
                Some(answer) => view = Some(watch.take(answer, Timestamp::now())),
                None => bail!("nobody asks the server any more"),
            },
            event = keys.next() => match event.transpose().context("the terminal cannot be read")? {
                Some(event) if !ends(&event) => {
                    // A terminal of another size is drawn anew.
                }
                _ => return Ok(()),
            },
            () = stopped(&mut stop) => return Ok(()),
        }
    }
}

async fn ask_again_and_again(asker: Asker, interval: Duration, sender: mpsc::Sender<anyhow::Result<Told>>) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if sender.send(asker.ask().await).await.is_err() {
            return;
        }
    }
}

/// In raw mode Ctrl-C is a key, too.
fn ends(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}
