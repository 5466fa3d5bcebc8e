//! `GET /stats`: all that the store holds, as one list of topics, subscriptions and producers in three
//! parts. What does not fit into an answer is told by the next one, which goes on behind `after`.

use axum::extract::{Request, State};
use broker_client::wire::{ConsumerId, Offset, ProducerId};
use serde::Serialize;
use tokio::time::Duration;

use super::after::After;
use super::broker::{Broker, Shared};
use super::failure::Answer;
use super::room::SMALL;
use super::{answer, query};
use crate::store::messages::push_text;
use crate::store::{Error, ProducerStats, Store, SubscriptionStats, TopicStats};
use crate::version::{COMMIT, VERSION};

/// So many entries are asked of the store at a time.
const AT_ONCE: usize = 1000;

/// What stands before the entries.
#[derive(Serialize)]
struct Head<'a> {
    status: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'static str>,
    epoch: &'a str,
    uptime_ms: u64,
}

#[derive(Serialize)]
struct Topic<'a> {
    topic: &'a str,
    end: Offset,
    messages: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct Subscription<'a> {
    consumer_id: ConsumerId,
    topic: &'a str,
    position: Offset,
    lag: u64,
    last_poll_ms: u64,
}

#[derive(Serialize)]
struct Producer<'a> {
    producer_id: ProducerId,
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_send_ms: Option<u64>,
}

/// An entry, and the place behind it.
struct Entry {
    json: Vec<u8>,
    after: After,
}

pub(super) async fn tell(State(broker): Shared, request: Request) -> Answer {
    let after = query::stats(request.uri().query())?;
    let limit = broker.limits.answer_bytes.get();
    // Where there is no room, a short page: whoever looks at a crowded broker needs it just then.
    let reserved = broker.room.try_reserve(limit);
    let limit = if reserved.is_some() { limit } else { limit.min(SMALL) };
    let page = page(&broker, after.unwrap_or(After::Topics(None)), limit).await?;
    let held = reserved.and_then(|reserved| reserved.keep(page.len()));
    Ok(answer::bytes(page, held))
}

/// The list from a place on, as far as it fits; at least one entry does.
async fn page(broker: &Broker, mut place: After, limit: usize) -> Result<Vec<u8>, Error> {
    let mut out = json(&Head {
        status: "success",
        version: VERSION,
        commit: COMMIT,
        epoch: broker.store.epoch().as_str(),
        uptime_ms: milliseconds(broker.metrics.started.elapsed()),
    });
    out.pop();
    let (mut is_first, mut is_full) = (true, false);
    for part in ["topics", "subscriptions", "producers"] {
        out.extend_from_slice(format!(r#","{part}":["#).as_bytes());
        let begun = out.len();
        while place.part() == part && !is_full {
            let entries = entries(&*broker.store, &place).await?;
            if entries.is_empty() {
                place = place.next_part();
                break;
            }
            for Entry { json, after } in entries {
                is_full = !is_first && out.len() + json.len() > limit;
                if is_full {
                    break;
                }
                if out.len() > begun {
                    out.push(b',');
                }
                out.extend_from_slice(&json);
                (place, is_first) = (after, false);
            }
        }
        out.push(b']');
    }
    if is_full {
        out.extend_from_slice(br#","next":"#);
        push_text(&mut out, &place.to_string());
    }
    out.push(b'}');
    Ok(out)
}

async fn entries(store: &dyn Store, place: &After) -> Result<Vec<Entry>, Error> {
    Ok(match place {
        After::Topics(name) => {
            let topics = store.topic_stats(name.as_deref(), AT_ONCE).await?;
            topics.iter().map(Entry::from).collect()
        }
        After::Subscriptions(id) => {
            let subscriptions = store.subscription_stats(*id, AT_ONCE).await?;
            subscriptions.iter().map(Entry::from).collect()
        }
        After::Producers(id) => {
            let producers = store.producer_stats(*id, AT_ONCE).await?;
            producers.iter().map(Entry::from).collect()
        }
    })
}

impl From<&TopicStats> for Entry {
    fn from(of: &TopicStats) -> Self {
        let TopicStats { end, messages, bytes, .. } = *of;
        let topic = of.topic.as_str();
        let json = json(&Topic { topic, end, messages, bytes });
        Self { json, after: After::Topics(Some(topic.to_owned())) }
    }
}

impl From<&SubscriptionStats> for Entry {
    fn from(of: &SubscriptionStats) -> Self {
        let SubscriptionStats { consumer, position, lag, last_poll, .. } = *of;
        let json = json(&Subscription {
            consumer_id: consumer,
            topic: of.topic.as_str(),
            position,
            lag,
            last_poll_ms: milliseconds(last_poll),
        });
        Self { json, after: After::Subscriptions(Some(consumer)) }
    }
}

impl From<&ProducerStats> for Entry {
    fn from(of: &ProducerStats) -> Self {
        let (producer_id, topic) = (of.producer, of.topic.as_str());
        let last_send_ms = of.last_send.map(milliseconds);
        let json = json(&Producer { producer_id, topic, last_send_ms });
        Self { json, after: After::Producers(Some(producer_id)) }
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain values have a JSON form")
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
