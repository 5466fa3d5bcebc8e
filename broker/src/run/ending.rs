//! The signals that end a broker.

use std::fs;
use std::future::pending;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for the signals that end a broker.
pub(super) struct Ending {
    terminate: Signal,
    interrupt: Signal,
    /// None where it is ignored.
    hangup: Option<Signal>,
}

impl Ending {
    /// From here on none of them finds its default action, which ends the process at once.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind, name| signal(kind).with_context(|| format!("cannot listen for {name}"));
        // Before anything else: to listen undoes it.
        let hangup = !ignores_hangup();
        Ok(Self {
            terminate: listen(SignalKind::terminate(), "SIGTERM")?,
            interrupt: listen(SignalKind::interrupt(), "SIGINT")?,
            hangup: hangup.then(|| listen(SignalKind::hangup(), "SIGHUP")).transpose()?,
        })
    }

    /// The name of the next one.
    pub(super) async fn next(&mut self) -> &'static str {
        let Self { terminate, interrupt, hangup } = self;
        let hung_up = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hung_up => "SIGHUP",
        }
    }
}

/// Whether whatever started this process has it ignore SIGHUP, as `nohup` does. Only Linux says it
/// in a file; elsewhere it is taken for not ignored.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is that of signal 1.
    mask.is_some_and(|mask| mask & 1 == 1)
}
