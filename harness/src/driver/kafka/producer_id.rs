//! The id that the broker gives an idempotent producer. librdkafka asks for it by itself, half a second
//! after it begins, and tells of it in its statistics alone.

use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureProducer, Producer as _};
use rdkafka::statistics::Statistics;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::connection::ANSWERED_WITHIN;
use super::failure::refused;
use crate::driver::failure::{Failure, FailureKind};

/// Between two looks at what librdkafka says when it gave up.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Looks for the id in the statistics of a producer.
pub(super) struct ProducerId(watch::Sender<Option<i64>>);

/// The id, once it is given.
pub(super) struct Given(watch::Receiver<Option<i64>>);

impl ProducerId {
    pub(super) fn new() -> (Self, Given) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), Given(receiver))
    }
}

impl ClientContext for ProducerId {
    fn stats_raw(&self, statistics: &[u8]) {
        if self.0.borrow().is_some() {
            return;
        }
        let statistics = serde_json::from_slice::<Statistics>(statistics).ok();
        let id = statistics.and_then(|all| all.eos).map(|own| own.producer_id);
        if let Some(id) = id.filter(|id| *id >= 0) {
            self.0.send_replace(Some(id));
        }
    }
}

impl Given {
    /// Waits for it.
    pub(super) async fn given(
        mut self,
        client: &FutureProducer<ProducerId>,
    ) -> Result<i64, Failure> {
        let doing = "asking for the id of an idempotent producer";
        let given = async {
            loop {
                tokio::select! { biased;
                    id = self.0.wait_for(Option::is_some) => {
                        let id = id.ok().and_then(|id| *id);
                        return id.ok_or_else(|| Failure::new(format!("{doing}: the client ended")));
                    }
                    () = sleep(LOOK_AGAIN_AFTER) => {}
                }
                if let Some((code, why)) = client.client().fatal_error() {
                    return Err(without(code, &why));
                }
            }
        };
        let late = || Failure::new(format!("{doing}: no answer within {ANSWERED_WITHIN:?}"));
        timeout(ANSWERED_WITHIN, given).await.unwrap_or_else(|_| Err(late()))
    }
}

/// A broker that gives none.
fn without(code: RDKafkaErrorCode, why: &str) -> Failure {
    let cure = "without it nothing can be repeated: say `retry: false` for the producers";
    let failure = refused(&format!("the broker has no idempotent producer ({why}); {cure}"), code);
    Failure { kind: FailureKind::Final, ..failure }
}
