//! What the clients of librdkafka are told: where the broker is, and which of its habits are changed.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;

use super::connection::{ANSWERED_WITHIN, Connection};
use super::failure::not_made;
use super::shared::{Alive, Shared};
use crate::driver::address::Address;
use crate::driver::client::RetryPolicy;
use crate::driver::failure::Failure;

/// How long a message is on its way at most: sent once, and sent again for a while.
const ONCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(30);

/// Less is rounded up by librdkafka, which looks for late messages once a second.
const LEAST: Duration = Duration::from_secs(1);

/// What all clients at one address have in common.
#[derive(Clone)]
pub(super) struct Settings {
    authority: String,
    login: Option<(String, String)>,
    common: ClientConfig,
    alive: Alive,
}

impl Settings {
    pub(super) fn new(address: &Address, alive: &Alive) -> Result<Self, Failure> {
        let authority = address
            .authority()
            .ok_or_else(|| Failure::new("a broker without an address does not speak Kafka"))?;
        let mut common = ClientConfig::new();
        common
            .set("bootstrap.servers", &authority)
            // A topic that is gone must stay gone: another log under its name would begin again at
            // offset 0, and its offsets would be taken for those of the log before.
            .set("allow.auto.create.topics", "false")
            .set("socket.timeout.ms", ANSWERED_WITHIN.as_millis().to_string())
            .set("socket.nagle.disable", "true")
            // The run goes on within this time when a broker is back, not after ten seconds.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "250")
            // A topic is known everywhere before it is used.
            .set("topic.metadata.propagation.max.ms", "1000")
            // Telemetry is no part of what is judged.
            .set("enable.metrics.push", "false");
        let login = address.access().and_then(|access| access.login.clone());
        if let Some((user, password)) = &login {
            common
                .set("security.protocol", "sasl_plaintext")
                // The only mechanism that librdkafka has without OpenSSL.
                .set("sasl.mechanisms", "PLAIN")
                .set("sasl.username", user)
                .set("sasl.password", password);
        }
        Ok(Self { authority, login, common, alive: alive.clone() })
    }

    /// A connection of a client to one broker of the cluster.
    pub(super) async fn open(&self, at: &str, client: &str) -> Result<Connection, Failure> {
        Connection::open(at, client, self.login.as_ref()).await
    }

    /// A connection of a client to the broker that was named.
    pub(super) async fn open_first(&self, client: &str) -> Result<Connection, Failure> {
        self.open(&self.authority, client).await
    }

    /// Those of a client that makes topics and asks about them.
    pub(super) fn admin(&self) -> &ClientConfig {
        &self.common
    }

    /// Those of a producer of this name, and how long its messages may take.
    ///
    /// What has no answer is repeated only under the idempotent producer's sequence numbers, by which
    /// the broker stores it once and in order.
    pub(super) fn producer(&self, name: &str, policy: RetryPolicy) -> (ClientConfig, Duration) {
        let within = match policy {
            RetryPolicy::Never => ONCE,
            RetryPolicy::Short => AGAIN,
            RetryPolicy::Within(total) => total.max(LEAST),
        };
        let mut config = self.common.clone();
        config
            .set("client.id", name)
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("message.timeout.ms", within.as_millis().to_string());
        if policy == RetryPolicy::Never {
            // librdkafka sends again what the broker refused because it is not the leader, and what
            // was sent meanwhile would overtake it.
            config.set("retries", "0").set("max.in.flight.requests.per.connection", "1");
        } else {
            config.set("enable.idempotence", "true").set("statistics.interval.ms", "100");
        }
        (config, within)
    }

    /// A client that was to be made.
    pub(super) fn client<T: Send + Sync + 'static>(
        &self,
        made: KafkaResult<T>,
    ) -> Result<Shared<T>, Failure> {
        made.map(|client| Shared::new(client, &self.alive)).map_err(|error| not_made(&error))
    }
}
