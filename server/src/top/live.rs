//! The view on a terminal, until somebody ends it.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, ensure};
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures::StreamExt;
use jiff::Timestamp;
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::asking::{Asker, Told};
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
    let mut view = None;
    loop {
        screen.draw(view.as_ref())?;
        tokio::select! {
            Some(answer) = answers.recv() => view = Some(watch.take(answer, Timestamp::now())),
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

/// The terminal, ours as long as this lives. A panic gives it back, too, before it says anything.
struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    fn open() -> anyhow::Result<Self> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                // It may have gone half of the way.
                ratatui::restore();
                Err(error).context("the terminal cannot be used")
            }
        }
    }

    fn draw(&mut self, view: Option<&View>) -> anyhow::Result<()> {
        let draw = |frame: &mut ratatui::Frame<'_>| {
            if let Some(view) = view {
                frame.render_widget(view, frame.area());
            }
        };
        self.terminal.draw(draw).context("the terminal cannot be written")?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
