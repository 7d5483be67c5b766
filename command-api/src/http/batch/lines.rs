//! The lines of a body, one at a time. What is not asked for is not read.

use std::time::Duration;

use axum::body::{Body, Bytes};
use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line that is not blank, without its end.
    Line(Bytes),
    /// A line of more bytes than a line may have. What it says is thrown away.
    TooLong,
    /// Nothing more.
    End(End),
}

/// Why there are no more lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The body is complete.
    Complete,
    /// The body broke off; what there was of a line is thrown away.
    Broken,
    /// No whole line came in time.
    TooSlow,
}

/// Cuts a body into lines.
pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// Where the search for the end of the line goes on.
    searched: usize,
    max_line_bytes: usize,
    /// The line is too long already, and its rest is being thrown away.
    discarding: bool,
    timeout: Duration,
    /// Until when the next line must have come; set when it is first waited for.
    deadline: Option<Instant>,
    number: u64,
    end: Option<End>,
}

impl Lines {
    pub(super) fn of(body: Body, max_line_bytes: usize, timeout: Duration) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
            max_line_bytes,
            discarding: false,
            timeout,
            deadline: None,
            number: 0,
            end: None,
        }
    }

    /// The number of the line that was given last, from 1 on; blank ones count.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// What comes next. Cancel safe.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            if let Some(next) = self.cut() {
                self.deadline = None;
                return next;
            }
            self.read().await;
        }
    }

    /// Reads a piece of the body. Cancel safe.
    ///
    /// A client that waits for `100 Continue` gets it when the body is first read, and no more once the answer has begun.
    pub(super) async fn read(&mut self) {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.timeout);
        match timeout_at(deadline, self.body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    self.buffer.extend_from_slice(&data);
                }
            }
            Ok(None) => self.end = Some(End::Complete),
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "the body of a batch broke off");
                self.end = Some(End::Broken);
            }
            Err(_) => self.end = Some(End::TooSlow),
        }
    }

    /// Says that no line was wanted until now: the time until then is not the client's.
    pub(super) fn not_wanted(&mut self) {
        self.deadline = None;
    }

    /// Throws away what still comes, until the body ends.
    pub(super) async fn discard(&mut self) {
        while let Some(Ok(_)) = self.body.frame().await {}
    }

    /// The next line of what has arrived, if it is whole.
    fn cut(&mut self) -> Option<Next> {
        loop {
            let rest = &self.buffer[self.searched..];
            let (line, is_discarded) = match rest.iter().position(|byte| *byte == b'\n') {
                Some(at) => {
                    let line = self.buffer.split_to(self.searched + at).freeze();
                    self.buffer.advance(1);
                    (line, std::mem::take(&mut self.discarding))
                }
                None => match &self.end {
                    // The last line needs no end, but a body that broke off does not say that this was all of it.
                    Some(End::Complete) if !self.buffer.is_empty() || self.discarding => {
                        (self.buffer.split().freeze(), std::mem::take(&mut self.discarding))
                    }
                    Some(end) => return Some(Next::End(end.clone())),
                    None => {
                        self.discarding |= self.buffer.len() > self.max_line_bytes;
                        if self.discarding {
                            self.buffer.clear();
                        }
                        self.searched = self.buffer.len();
                        return None;
                    }
                },
            };
            self.searched = 0;
            self.number += 1;
            if is_discarded || line.len() > self.max_line_bytes {
                return Some(Next::TooLong);
            }
            if !line.trim_ascii().is_empty() {
                return Some(Next::Line(line));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http_body_util::channel::Channel;
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A body that comes in these pieces.
    async fn pieces(pieces: Vec<Vec<u8>>) -> Body {
        let (mut sender, body) = Channel::<Bytes, axum::Error>::new(pieces.len().max(1));
        for piece in pieces {
            sender.send_data(piece.into()).await.unwrap();
        }
        Body::new(body)
    }

    async fn all(body: Body, max_line_bytes: usize) -> Vec<(u64, Next)> {
        let mut lines = Lines::of(body, max_line_bytes, PATIENCE);
        let mut all = Vec::new();
        loop {
            let next = lines.next().await;
            let ended = matches!(next, Next::End(_));
            all.push((lines.number(), next));
            if ended {
                return all;
            }
        }
    }

    fn line(number: u64, text: &'static str) -> (u64, Next) {
        (number, Next::Line(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test]
    async fn blank_lines_count_and_are_passed_over_and_the_last_needs_no_end() {
        let found = all(Body::from("a\n\n \r\nb\r\nc"), 5).await;
        assert_eq!(found, [line(1, "a"), line(4, "b\r"), line(5, "c"), (5, Next::End(End::Complete))]);
        assert_eq!(all(Body::empty(), 5).await, [(0, Next::End(End::Complete))]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_thrown_away_and_only_that() {
        for text in ["a\n123456\nb\n", "a\n123456123456123456\nb\n"] {
            for size in 1..text.len() {
                let body = pieces(text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect()).await;
                let found = all(body, 5).await;
                let expected = [line(1, "a"), (2, Next::TooLong), line(3, "b"), (3, Next::End(End::Complete))];
                assert_eq!(found, expected, "in pieces of {size}");
            }
        }
        assert_eq!(all(Body::from("123456"), 5).await, [(1, Next::TooLong), (1, Next::End(End::Complete))]);
    }

    #[tokio::test]
    async fn what_there_is_of_a_line_when_the_body_breaks_off_is_not_one() {
        let (mut sender, body) = Channel::<Bytes, axum::Error>::new(2);
        sender.send_data(Bytes::from_static(b"a\n{}")).await.unwrap();
        sender.abort(axum::Error::new("gone"));
        assert_eq!(all(Body::new(body), 5).await, [line(1, "a"), (1, Next::End(End::Broken))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_does_not_come_ends_it_however_it_trickles() {
        let (mut sender, body) = Channel::<Bytes, axum::Error>::new(1);
        let mut lines = Lines::of(Body::new(body), 1_000, PATIENCE);
        let trickle = async {
            while sender.send_data(Bytes::from_static(b"x")).await.is_ok() {
                tokio::time::sleep(PATIENCE / 10).await;
            }
        };
        let asked = async {
            loop {
                // Asked again and again, as a loop that has other things to do asks.
                if let Ok(next) = tokio::time::timeout(PATIENCE / 7, lines.next()).await {
                    return next;
                }
            }
        };
        tokio::select! {
            next = asked => assert_eq!(next, Next::End(End::TooSlow)),
            () = trickle => unreachable!("somebody listens"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_in_which_no_line_is_wanted_does_not_count() {
        let (mut sender, body) = Channel::<Bytes, axum::Error>::new(1);
        let mut lines = Lines::of(Body::new(body), 1_000, PATIENCE);
        assert!(tokio::time::timeout(PATIENCE / 2, lines.next()).await.is_err(), "nothing has come");
        tokio::time::sleep(PATIENCE).await;
        lines.not_wanted();
        let late = async {
            tokio::time::sleep(PATIENCE / 2).await;
            sender.send_data(Bytes::from_static(b"a\n")).await.unwrap();
        };
        let (next, ()) = tokio::join!(lines.next(), late);
        assert_eq!(next, Next::Line(Bytes::from_static(b"a")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lines_do_not_depend_on_the_pieces_that_they_come_in(text in "[ab\n\r]{0,60}", cuts in prop::collection::vec(1_usize..9, 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let mut rest = text.as_bytes();
            let mut parts = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (part, more) = rest.split_at(rest.len().min(*cut));
                parts.push(part.to_vec());
                rest = more;
            }
            let whole = runtime.block_on(all(Body::from(text.clone()), 7));
            let in_parts = runtime.block_on(async { all(pieces(parts).await, 7).await });
            prop_assert_eq!(whole, in_parts);
        }
    }
}
