//! Places for connections. When all are taken, one that waits for its next request makes room for a new one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long to wait for a place before looking anew for somebody who can make room.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// All places of a listener.
pub(super) struct Places {
    free: Arc<Semaphore>,
    limit: usize,
    /// Who was not looked at for longest comes first. Some are gone.
    taken: VecDeque<Weak<Seat>>,
}

/// The place of one connection.
pub(super) struct Seat {
    /// Requests whose answers are not finished.
    requests: AtomicUsize,
    /// A request came since somebody last looked for room.
    used: AtomicBool,
    /// A request has come.
    asked: AtomicBool,
    leave: Notify,
    _place: OwnedSemaphorePermit,
}

/// A request, until its answer is finished.
pub(super) struct UnderWay(Arc<Seat>);

/// The body of an answer, which keeps its connection's place.
pub(super) struct Answering {
    body: Body,
    _under_way: UnderWay,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(limit)), limit, taken: VecDeque::new() }
    }

    /// The next place, as soon as there is one. Cancel safe.
    pub(super) async fn next(&mut self) -> Arc<Seat> {
        let place = loop {
            if let Ok(place) = self.free.clone().try_acquire_owned() {
                break place;
            }
            self.make_room();
            // All of them may have been busy: then look again before long.
            if let Ok(Ok(place)) = timeout(LOOK_AGAIN, self.free.clone().acquire_owned()).await {
                break place;
            }
        };
        if self.taken.len() >= self.limit.saturating_mul(2) {
            self.taken.retain(|seat| seat.strong_count() > 0);
        }
        let seat = Arc::new(Seat {
            requests: AtomicUsize::new(0),
            used: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            leave: Notify::new(),
            _place: place,
        });
        self.taken.push_back(Arc::downgrade(&seat));
        seat
    }

    /// Tells a connection to end that has no request under way: the one that was not used for longest, roughly. Who was
    /// used since the last look is passed over once.
    pub(super) fn make_room(&mut self) {
        for _ in 0..self.taken.len().saturating_mul(2) {
            let Some(weak) = self.taken.pop_front() else { return };
            let Some(seat) = weak.upgrade() else { continue };
            self.taken.push_back(weak);
            if !seat.used.swap(false, Ordering::Relaxed) && seat.is_idle() {
                seat.leave.notify_one();
                return;
            }
        }
    }
}

impl Seat {
    /// Notes that a request begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
        self.asked.store(true, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }

    /// Whether there was ever a request.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns when the connection is to make room for another, if it is idle.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl UnderWay {
    pub(super) fn answer(self, body: Body) -> Answering {
        Answering { body, _under_way: self }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::HttpBody as _;

    use super::*;

    /// Whether this one is told to leave, now.
    fn leaves(seat: &Seat) -> bool {
        let told = std::pin::pin!(seat.told_to_leave());
        told.poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn who_was_not_used_makes_room_and_who_is_busy_never_does() {
        let mut places = Places::new(3);
        let (busy, used, silent) = (places.next().await, places.next().await, places.next().await);
        let request = busy.begin();
        drop(used.begin());
        assert!(timeout(LOOK_AGAIN * 3, places.next()).await.is_err(), "nobody has left yet");
        assert!(leaves(&silent) && !leaves(&busy));
        drop(silent);
        let newest = places.next().await;
        // Now all but the busy one have been idle since the last look, and those who came first go first.
        assert!(!busy.is_idle() && used.is_idle() && newest.is_idle() && !newest.was_asked() && busy.was_asked());
        let _ = leaves(&used);
        places.make_room();
        assert!(leaves(&used) && !leaves(&newest) && !leaves(&busy));
        drop(request);
        assert!(busy.is_idle());
    }

    #[tokio::test]
    async fn connections_that_end_leave_nothing_behind() {
        let mut places = Places::new(2);
        for _ in 0..100 {
            drop(places.next().await);
        }
        assert!(places.taken.len() <= 4);
    }

    #[tokio::test]
    async fn an_answer_keeps_its_place_until_its_end() {
        let seat = Places::new(1).next().await;
        let answer = seat.begin().answer(Body::from("text"));
        assert_eq!((answer.size_hint().exact(), answer.is_end_stream(), seat.is_idle()), (Some(4), false, false));
        drop(answer);
        assert!(seat.is_idle());
    }
}
