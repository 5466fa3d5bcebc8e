//! Ctrl-C: the first one stops the run and still writes what is known, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::streams;

/// Triggers the interrupt at the first SIGINT or SIGTERM, and completes at the second.
pub async fn interrupted_twice(trigger: watch::Sender<bool>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers a signal ends the process, and the children with it.
        return std::future::pending().await;
    };
    for ask in ["stopping; press Ctrl-C again to end at once", "ended at once"] {
        tokio::select! { biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        streams::tell(ask);
        trigger.send_replace(true);
    }
}
