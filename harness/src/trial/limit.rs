//! The time limit of a scenario: a run that goes past it is stopped, as by Ctrl-C, and has no verdict
//! but for what is proven by then.

use std::time::Duration;

use tokio::time::sleep;

use crate::check::Judgement;
use crate::report::words::time;

/// Completes with the limit when that time is over; never where there is none.
pub(super) async fn past(limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// Names the limit that stopped a run. All may have come by then: a run that was not over proves no
/// pass all the same.
pub(super) fn judge(judgement: &mut Judgement, past_limit: Option<Duration>) {
    if let Some(limit) = past_limit {
        let limit = time(limit);
        judgement.mark_inconclusive(format!(
            "it was stopped, for it ran longer than its limit of {limit}"
        ));
    }
}
