//! How long spans lasted, by name: what part of a rebuild is fold, rendering and commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::span::Id;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Sums up the time inside spans of the projectors. A clone is another handle to the same sums.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpanTimes {
    sums: Arc<Mutex<HashMap<&'static str, Duration>>>,
}

struct Entered(Instant);

impl SpanTimes {
    /// Seconds inside spans of this name so far.
    pub(crate) fn seconds(&self, name: &str) -> f64 {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.get(name).map_or(0.0, Duration::as_secs_f64)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanTimes {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_span() && metadata.target().starts_with("projectors")
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Entered(Instant::now()));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(Entered(at)) = span.extensions_mut().remove() {
            let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            *sums.entry(span.name()).or_default() += at.elapsed();
        }
    }
}
