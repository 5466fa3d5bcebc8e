//! A consumer on a connection, to which RabbitMQ sends messages.

use lapin::Consumer as Messages;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;

use super::link::{Link, answered};
use crate::driver::failure::Failure;

/// How many messages may be on their way to a consumer or with it, not acknowledged: as RabbitMQ's
/// documents advise, 100 to 300.
const PREFETCH: u16 = 200;

/// A consumer on a connection.
pub(super) struct Reading {
    pub(super) link: Link,
    pub(super) messages: Messages,
    /// The last that was handed out and is not acknowledged.
    delivered: Option<u64>,
}

impl Reading {
    pub(super) async fn begin(
        link: Link,
        queue: &str,
        arguments: FieldTable,
    ) -> Result<Self, Failure> {
        answered(link.channel.basic_qos(PREFETCH, BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        let consuming = link.channel.basic_consume(queue.into(), "".into(), options, arguments);
        let messages = answered(consuming).await?;
        Ok(Self { link, messages, delivered: None })
    }

    /// The message with this tag is handed out, and is to be acknowledged with those before it.
    pub(super) fn hand_out(&mut self, tag: u64) {
        self.delivered = Some(tag);
    }

    /// Acknowledges what was handed out.
    pub(super) async fn acknowledge(&mut self) -> Result<(), Failure> {
        // Taken first: what is acknowledged twice ends the channel.
        let Some(tag) = self.delivered.take() else { return Ok(()) };
        self.acknowledge_up_to(tag).await
    }

    pub(super) async fn acknowledge_up_to(&self, tag: u64) -> Result<(), Failure> {
        answered(self.link.channel.basic_ack(tag, BasicAckOptions { multiple: true })).await
    }
}
