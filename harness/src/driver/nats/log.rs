//! Reads a stream itself, by a consumer that lives for one answer and acknowledges nothing.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, IntoConsumerConfig as _};
use serde_json::json;

use super::connection::{ask, epoch, open, stream_info};
use super::message::{Place, push};
use super::pulls::{End, Pulls};
use super::shared::Shared;
use crate::driver::batch::Batch;
use crate::driver::client::Route;
use crate::driver::contract::LogPart;
use crate::driver::failure::Failure;
use crate::history::Offset;
use crate::plan::TopicIndex;

/// The most messages of one answer.
const PART: u64 = 1000;

/// How long one answer may take.
const WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn read(
    shared: &Shared,
    route: Route,
    topic: TopicIndex,
    offset: Offset,
) -> Result<LogPart, Failure> {
    let stream = shared.marks.topic(topic);
    let context = open(shared.address(route)).await?;
    let info = stream_info(&context, &stream).await;
    let info = info.map_err(|error| error.failure("reading the stream"))?;
    let end = info.state.last_sequence + 1;
    let first = offset.max(info.state.first_sequence).max(1);
    let mut messages = Batch::default();
    if first < end {
        fill(shared, context, &stream, first, end, &mut messages).await?;
    }
    Ok(LogPart { epoch: epoch(&info), end, messages })
}

async fn fill(
    shared: &Shared,
    context: Context,
    stream: &str,
    first: Offset,
    end: Offset,
    batch: &mut Batch,
) -> Result<(), Failure> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: first },
        ack_policy: AckPolicy::None,
        inactive_threshold: 2 * WITHIN,
        memory_storage: true,
        ..pull::Config::default()
    };
    let request = json!({ "stream_name": stream, "config": config.into_consumer_config() });
    let made: Result<Info, _> = ask(&context, format!("CONSUMER.CREATE.{stream}"), &request).await;
    let made = made.map_err(|error| error.failure("reading the stream"))?;
    let failed = |why: String| Failure::new(format!("reading the stream: {why}"));
    let mut pulls = Pulls::new(context, stream, &made.name).await.map_err(failed)?;
    let most = u32::try_from((end - first).min(PART)).expect("a part is small");
    let mut came = Vec::new();
    let ended = pulls.gather(most, WITHIN, &mut came).await;
    if let (true, End::Refused(why) | End::Broken(why)) = (came.is_empty(), ended) {
        return Err(failed(why));
    }
    for message in &came {
        push(&shared.marks, message, Place::of(message), batch);
    }
    Ok(())
}
