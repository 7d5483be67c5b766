//! The terminal while a view is on it: another screen, no cursor, keys that are not shown.

use std::io::{self, Write, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};

use super::text::{Line, Piece, Tone};

/// Whether the terminal is ours and has to be given back. A process has one terminal, and a panic may be anywhere in it.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// The terminal, ours as long as this lives. A panic gives it back, too, before it says anything.
pub(super) struct Screen(());

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It is none, or it is gone.
    pub(super) fn open() -> anyhow::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                next(panic);
            }));
        });
        IS_OURS.store(true, Ordering::SeqCst);
        // From here on: it may go half of the way.
        let screen = Self(());
        enable_raw_mode()
            .and_then(|()| execute!(stdout(), EnterAlternateScreen, Hide))
            .context("the terminal cannot be used")?;
        Ok(screen)
    }

    /// Shows lines that are made for the room that there is, in columns and rows.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn draw(&mut self, lines: impl FnOnce(usize, usize) -> Vec<Line>) -> anyhow::Result<()> {
        let (width, height) = size().context("the terminal does not tell its size")?;
        let lines = lines(width.into(), height.into());
        let mut bytes = Vec::new();
        paint(&mut bytes, &lines, (width, height))?;
        // After a panic elsewhere it is not ours any more.
        if IS_OURS.load(Ordering::SeqCst) {
            let mut terminal = stdout().lock();
            terminal.write_all(&bytes).and_then(|()| terminal.flush()).context("the terminal cannot be written")?;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// As it was before. Where that fails there is no terminal any more, and nobody to tell.
fn give_back() {
    if IS_OURS.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), Show, LeaveAlternateScreen);
    }
}

/// What makes a terminal of so many columns and rows show these lines and nothing else.
///
/// # Errors
/// Whatever the writer says.
pub(super) fn paint(to: &mut impl Write, lines: &[Line], (width, height): (u16, u16)) -> io::Result<()> {
    queue!(to, BeginSynchronizedUpdate)?;
    let shown = lines.iter().map(Some).chain(std::iter::repeat(None)).zip(0..height);
    for (line, row) in shown {
        // Cleared first: behind a full line the cursor still stands on its last letter.
        queue!(to, MoveTo(0, row), Clear(ClearType::UntilNewLine))?;
        for piece in line.map(|line| line.cut(width.into())).unwrap_or_default().0 {
            put(to, &piece)?;
        }
    }
    queue!(to, EndSynchronizedUpdate)
}

fn put(to: &mut impl Write, piece: &Piece) -> io::Result<()> {
    let (colour, attribute) = match piece.tone {
        Tone::Plain => return queue!(to, Print(&piece.text)),
        Tone::Title => (None, Some(Attribute::Bold)),
        Tone::Heading => (None, Some(Attribute::Dim)),
        Tone::Good => (Some(Color::DarkGreen), None),
        Tone::Watch => (Some(Color::DarkYellow), None),
        Tone::Bad => (Some(Color::DarkRed), Some(Attribute::Bold)),
    };
    if let Some(colour) = colour {
        queue!(to, SetForegroundColor(colour))?;
    }
    if let Some(attribute) = attribute {
        queue!(to, SetAttribute(attribute))?;
    }
    queue!(to, Print(&piece.text), SetAttribute(Attribute::Reset), ResetColor)
}
