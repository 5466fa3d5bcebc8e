//! The clock of a server, which ticks for all connections together, and their time-outs in its ticks.
//! Timers of their own would cost a tenth of the throughput.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Duration;

use super::options::Options;

/// Ticks since the server started, from 1. Clones are the same clock.
#[derive(Clone)]
pub(super) struct Clock {
    tick: Duration,
    now: Arc<AtomicU64>,
}

/// The time-outs, in ticks.
pub(super) struct Deadlines {
    pub(super) header_read: u64,
    pub(super) idle: u64,
    pub(super) write_stall: u64,
}

impl Clock {
    /// A clock that is fine enough for the time-outs, and them in its ticks.
    pub(super) fn for_deadlines(options: &Options) -> (Self, Deadlines) {
        let shortest = options.header_read.min(options.idle).min(options.write_stall);
        let tick = (shortest / 10).clamp(Duration::from_millis(10), Duration::from_secs(1));
        // One more, for a period begins somewhere within a tick.
        let ticks = |time: Duration| {
            u64::try_from(time.as_nanos().div_ceil(tick.as_nanos())).unwrap_or(u64::MAX - 1) + 1
        };
        let deadlines = Deadlines {
            header_read: ticks(options.header_read),
            idle: ticks(options.idle),
            write_stall: ticks(options.write_stall),
        };
        (Self { tick, now: Arc::new(AtomicU64::new(1)) }, deadlines)
    }

    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    pub(super) fn advance(&self) {
        self.now.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }
}
