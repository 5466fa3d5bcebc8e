//! The plan as JSON for programs. `plan` is the version of this form: fields may be added to a
//! version, and are neither removed nor given another meaning.

use serde_json::{Value, json};

use super::notes::notes;
use crate::driver;
use crate::plan::{ConsumerIndex, Plan, ProducerIndex, TopicIndex};
use crate::scenario::{Broker, ORIGINAL_DRIVER, Source, Wire};

/// What is known of the broker before it is reached.
fn capabilities(broker: &Broker) -> Value {
    // A history is judged wherever it was made, also by what is not built in here.
    let Ok(row) = driver::find(broker) else { return Value::Null };
    let named = (row.capabilities)(broker).named();
    named.into_iter().map(|(name, answer)| (name.replace(' ', "_"), Value::from(answer))).collect()
}

/// How requests are written on the original routes; null with another driver.
fn wire(broker: &Broker) -> Value {
    if broker.driver != ORIGINAL_DRIVER {
        return Value::Null;
    }
    let Wire { topic_field, get, post, trailing_slash, new_consumers } = &broker.wire;
    json!({
        "topic_field": topic_field,
        "get": get.to_string(),
        "post": post.to_string(),
        "trailing_slash": trailing_slash,
        "new_consumers": new_consumers.to_string(),
    })
}

/// The whole text of one.
pub(super) fn render(plan: &Plan) -> String {
    format!("{:#}\n", value(plan))
}

/// The whole text of several.
pub(super) fn render_all(plans: &[Plan]) -> String {
    format!("{:#}\n", Value::Array(plans.iter().map(value).collect()))
}

/// The plan with every default filled in.
pub(in crate::command) fn value(plan: &Plan) -> Value {
    let scenario = &plan.scenario;
    json!({
        "plan": 1,
        "name": scenario.name,
        "description": scenario.description,
        "file": scenario.file,
        "seed": scenario.seed,
        "start": scenario.start.to_string(),
        "broker": {
            "on": scenario.broker.on,
            "driver": scenario.broker.driver.to_string(),
            "needs": words(&scenario.broker.needs),
            "count": scenario.broker.count,
            "spread": scenario.broker.spread,
            "cluster": scenario.broker.cluster,
            "wire": wire(&scenario.broker),
            "capabilities": capabilities(&scenario.broker),
        },
        "tag": { "longest": plan.longest_tag(), "has_run": plan.tags_have_run() },
        "expect": {
            "delivery": scenario.expect.delivery.to_string(),
            "order": scenario.expect.order.to_string(),
            "acked": scenario.expect.acked.to_string(),
            "anomalies":
                scenario.expect.anomalies.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "allow": scenario.expect.allow.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "thresholds": scenario
                .expect
                .thresholds
                .iter()
                .map(|own| json!({ "figure": own.to_string(), "limit": own.limit() }))
                .collect::<Vec<_>>(),
        },
        "require": scenario
            .require
            .iter()
            .map(|need| format!("{} >= {}", need.counter, need.at_least))
            .collect::<Vec<_>>(),
        "faults": scenario
            .faults
            .iter()
            .map(|fault| json!({ "line": fault.line, "fault": fault.to_string() }))
            .collect::<Vec<_>>(),
        "network": scenario.network.map(|network| network.to_string()),
        "warm_up_ms": scenario.warm_up.as_millis(),
        "drain": {
            "idle_ms": scenario.drain.idle.as_millis(),
            "deadline_ms": scenario.drain.deadline.as_millis(),
        },
        "golden": scenario.golden,
        "limit_ms": scenario.limit.map(|limit| limit.as_millis()),
        "tags": scenario.tags,
        "topics": (0..plan.topics.len()).map(|place| topic(plan, place)).collect::<Vec<_>>(),
        "producers":
            (0..plan.producers.len()).map(|place| producer(plan, place)).collect::<Vec<_>>(),
        "consumers":
            (0..plan.consumers.len()).map(|place| consumer(plan, place)).collect::<Vec<_>>(),
        "sent": plan.sent_total(),
        "delivered": plan.delivered_total(),
        "connections": plan.connections(),
        "notes": notes(plan),
    })
}

fn words<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

fn topic(plan: &Plan, place: usize) -> Value {
    let (index, topic) = (TopicIndex::new(place), &plan.topics[place]);
    let from = topic.streams.iter().map(|stream| {
        let stream = &plan.streams[stream.place()];
        let number = plan.producers[stream.producer.place()].number;
        json!({ "producer": format!("P{number}"), "messages": stream.count })
    });
    let to = topic.consumers.iter().map(|consumer| {
        let exact = plan.is_exact();
        let number = plan.consumers[consumer.place()].number;
        json!({ "consumer": format!("C{number}"), "ledger": if exact { "exact" } else { "open" } })
    });
    json!({
        "name": topic.name.as_str(),
        "messages": plan.topic_total(index),
        "producers": from.collect::<Vec<_>>(),
        "consumers": to.collect::<Vec<_>>(),
    })
}

fn producer(plan: &Plan, place: usize) -> Value {
    let (producer, settings) = (&plan.producers[place], &plan.scenario.producers[place]);
    let source = match &settings.source {
        Source::Log { file, format: None } => json!({ "log": file }),
        Source::Log { file, format: Some(format) } => {
            json!({ "log": file, "format": format.to_string() })
        }
        Source::Generate { messages, size, payloads } => json!({ "generate": {
            "messages": messages,
            "size": [size.start(), size.end()],
            "payloads": payloads.to_string(),
        } }),
    };
    json!({
        "name": format!("P{}", producer.number),
        "messages": plan.producer_total(ProducerIndex::new(place)),
        "rounds": producer.rounds.len(),
        "requests": producer.requests.len(),
        "pace": settings.pace.to_string(),
        "batch": settings.batch,
        "retry": settings.retry,
        "in_flight": settings.in_flight,
        "source": source,
    })
}

fn consumer(plan: &Plan, place: usize) -> Value {
    let (consumer, settings) = (&plan.consumers[place], &plan.scenario.consumers[place]);
    let from = consumer.topics.iter().map(|topic| plan.topics[topic.place()].name.as_str());
    json!({
        "name": format!("C{}", consumer.number),
        "due": plan.consumer_total(ConsumerIndex::new(place)),
        "batch": settings.batch,
        "pause_ms": settings.pause.as_millis(),
        "acknowledge": settings.acknowledge.to_string(),
        "poll_after_acked": settings.poll_after,
        "topics": from.collect::<Vec<_>>(),
    })
}
