//! Any operations in any order, against a model that is too simple to be wrong: a list of
//! messages per topic that nothing is ever taken out of.

use broker::store::{Error, Message, Retain};
use proptest::prelude::*;

use crate::support::{Short, memory, stores};

#[derive(Clone, Debug)]
enum Step {
    Produce { topic: usize, producer: i64, sequence: Option<u64>, count: usize, size: usize },
    Subscribe { topic: usize },
    Take { topic: usize, consumer: i64, max: usize },
    Acknowledge { topic: usize, consumer: i64, offset: u64, max: usize },
    Unsubscribe { topic: usize, consumer: i64 },
    Delete { topic: usize },
    Tidy,
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, id) = (0..2_usize, -1..6_i64);
    // Large payloads fill segments, so that logs have several.
    let size = prop_oneof![4 => 0..20_usize, 1 => 30_000..50_000_usize];
    let sequence = prop::option::of(0..12_u64);
    prop_oneof![
        4 => (topic.clone(), 0..3_i64, sequence, 1..4_usize, size).prop_map(
            |(topic, producer, sequence, count, size)| {
                Step::Produce { topic, producer, sequence, count, size }
            }
        ),
        1 => topic.clone().prop_map(|topic| Step::Subscribe { topic }),
        2 => (topic.clone(), id.clone(), 0..5_usize)
            .prop_map(|(topic, consumer, max)| Step::Take { topic, consumer, max }),
        2 => (topic.clone(), id.clone(), 0..30_u64, 0..5_usize).prop_map(
            |(topic, consumer, offset, max)| Step::Acknowledge { topic, consumer, offset, max }
        ),
        1 => (topic.clone(), id)
            .prop_map(|(topic, consumer)| Step::Unsubscribe { topic, consumer }),
        1 => topic.prop_map(|topic| Step::Delete { topic }),
        1 => Just(Step::Tidy),
    ]
}

const TOPICS: [&str; 2] = ["A", "B"];

/// First sequence, the sequence after the last, offset of the first.
type Numbered = (u64, u64, u64);

#[derive(Default)]
struct Model {
    logs: [Vec<Message>; 2],
    /// Producers 0 and 2 are on A, 1 is on B; next sequence, and the last numbered request.
    counts: [(u64, Option<Numbered>); 3],
    /// Topic and position.
    subscriptions: Vec<Option<(usize, u64)>>,
    /// Which producers there are, by the number they have on the wire: each registers anew when its
    /// topic is deleted.
    ids: [i64; 3],
    registered: i64,
}

impl Model {
    fn produce(
        &mut self,
        topic: usize,
        producer: i64,
        sequence: Option<u64>,
        payloads: &[&str],
    ) -> Result<u64, &'static str> {
        let index = usize::try_from(producer).unwrap();
        if index % 2 != topic {
            return Err("not registered");
        }
        let count = u64::try_from(payloads.len()).unwrap();
        let (next, last) = &mut self.counts[index];
        if let Some(first) = sequence {
            if first > *next {
                return Err("gap");
            }
            if first < *next {
                return match *last {
                    Some((start, end, offset)) if start <= first && first + count <= end => {
                        Ok(offset + first - start)
                    }
                    _ => Err("old"),
                };
            }
        }
        let log = &mut self.logs[topic];
        let start = u64::try_from(log.len()).unwrap();
        for (place, payload) in (0..).zip(payloads) {
            let sequence = sequence.map(|first| first + place);
            let payload = (*payload).to_owned();
            let producer = self.ids[index];
            log.push(Message { offset: start + place, producer, sequence, payload });
        }
        if let Some(first) = sequence {
            *next = first + count;
            *last = Some((first, first + count, start));
        }
        Ok(start)
    }

    fn poll(
        &mut self,
        topic: usize,
        consumer: i64,
        offset: Option<u64>,
        max: usize,
    ) -> Result<Vec<Message>, &'static str> {
        let (log, position) = self.subscription(topic, consumer)?;
        let end = u64::try_from(log.len()).unwrap();
        let start = offset.unwrap_or(*position);
        if start < *position {
            return Err("passed");
        }
        if start > end {
            return Err("beyond");
        }
        let from = usize::try_from(start).unwrap();
        let messages: Vec<Message> = log[from..].iter().take(max).cloned().collect();
        let taken = if offset.is_some() { 0 } else { u64::try_from(messages.len()).unwrap() };
        *position = start + taken;
        Ok(messages)
    }

    /// Answers which producers are gone.
    fn delete(&mut self, topic: usize) -> impl Iterator<Item = usize> + use<> {
        self.logs[topic].clear();
        for subscription in &mut self.subscriptions {
            subscription.take_if(|(at, _)| *at == topic);
        }
        (topic..3).step_by(2)
    }

    fn subscription(
        &mut self,
        topic: usize,
        consumer: i64,
    ) -> Result<(&[Message], &mut u64), &'static str> {
        let known = usize::try_from(consumer).ok();
        let known = known.and_then(|id| self.subscriptions.get_mut(id)?.as_mut());
        match known {
            None => Err("unknown"),
            Some((at, _)) if *at != topic => Err("not registered"),
            Some((_, position)) => Ok((&self.logs[topic], position)),
        }
    }
}

fn word(error: &Error) -> &'static str {
    match error {
        Error::UnknownConsumer(_) => "unknown",
        Error::ProducerNotRegistered { .. } | Error::ConsumerNotRegistered { .. } => {
            "not registered"
        }
        Error::SequenceGap { .. } => "gap",
        Error::SequenceOld { .. } => "old",
        Error::OffsetPassed { .. } => "passed",
        Error::OffsetBeyond { .. } => "beyond",
        other => panic!("{other}"),
    }
}

async fn compare(store: &Short, steps: &[Step]) {
    let mut model = Model::default();
    for index in 0..3 {
        register(store, &mut model, index).await;
    }
    for step in steps {
        match *step {
            Step::Produce { topic, producer, sequence, count, size } => {
                let payload = "x".repeat(size);
                let payloads = vec![payload.as_str(); count];
                let id = model.ids[usize::try_from(producer).unwrap()];
                let got = store.append(TOPICS[topic], id, sequence, &payloads).await;
                let expected = model.produce(topic, producer, sequence, &payloads);
                assert_eq!(got.map_err(|error| word(&error)), expected, "{step:?}");
            }
            Step::Subscribe { topic } => {
                let got = store.consumer(TOPICS[topic]).await;
                let end = u64::try_from(model.logs[topic].len()).unwrap();
                let id = i64::try_from(model.subscriptions.len()).unwrap();
                assert_eq!((got.consumer, got.offset), (id, end));
                model.subscriptions.push(Some((topic, end)));
            }
            Step::Take { topic, consumer, max } => {
                let got = store.poll(TOPICS[topic], consumer, None, max).await;
                let expected = model.poll(topic, consumer, None, max);
                assert_eq!(got.map_err(|error| word(&error)), expected, "{step:?}");
            }
            Step::Acknowledge { topic, consumer, offset, max } => {
                let got = store.poll(TOPICS[topic], consumer, Some(offset), max).await;
                let expected = model.poll(topic, consumer, Some(offset), max);
                assert_eq!(got.map_err(|error| word(&error)), expected, "{step:?}");
            }
            Step::Unsubscribe { topic, consumer } => {
                let got = store.unsubscribe(TOPICS[topic], consumer).await;
                let expected = model.subscription(topic, consumer).map(|_| ());
                if expected.is_ok() {
                    model.subscriptions[usize::try_from(consumer).unwrap()] = None;
                }
                assert_eq!(got.map_err(|error| word(&error)), expected, "{step:?}");
            }
            Step::Delete { topic } => {
                store.delete(TOPICS[topic]).await.unwrap();
                let gone = model.delete(topic);
                for index in gone {
                    let append = store.append(TOPICS[topic], model.ids[index], None, &["x"]).await;
                    assert_eq!(append, Err(Error::UnknownProducer(model.ids[index])));
                    register(store, &mut model, index).await;
                }
            }
            Step::Tidy => store.0.tidy().await.unwrap(),
        }
    }
}

/// Registers a producer under the next id, which makes its topic where there is none.
async fn register(store: &Short, model: &mut Model, index: usize) {
    let id = store.producer(TOPICS[index % 2]).await;
    assert_eq!(id, model.registered, "ids go on");
    (model.ids[index], model.counts[index]) = (id, (0, None));
    model.registered += 1;
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_store_does_what_the_model_does(steps in prop::collection::vec(step(), 0..80)) {
        run(async {
            for (_, store) in stores().await {
                compare(&Short(store), &steps).await;
            }
        });
    }

    #[test]
    fn what_was_taken_is_given_back(steps in prop::collection::vec(step(), 0..80)) {
        // Once all subscriptions are ended, the whole budget is there again.
        let limit = 4 << 20;
        let store = Short(memory(Retain::Lag, Some(limit)));
        run(async {
            let mut producer = store.producer("A").await;
            let mut consumers = 0;
            for step in &steps {
                match *step {
                    Step::Produce { count, size, .. } => {
                        let payload = "x".repeat(size);
                        let payloads = vec![payload.as_str(); count];
                        let _ = store.append("A", producer, None, &payloads).await;
                    }
                    Step::Subscribe { .. } => consumers = store.consumer("A").await.consumer + 1,
                    Step::Take { consumer, max, .. } => {
                        let _ = store.poll("A", consumer, None, max).await;
                    }
                    Step::Acknowledge { consumer, offset, .. } => {
                        let _ = store.poll("A", consumer, Some(offset), 0).await;
                    }
                    Step::Unsubscribe { consumer, .. } => {
                        let _ = store.unsubscribe("A", consumer).await;
                    }
                    Step::Delete { .. } => {
                        store.delete("A").await.unwrap();
                        producer = store.producer("A").await;
                    }
                    Step::Tidy => {}
                }
            }
            for consumer in 0..consumers {
                let _ = store.unsubscribe("A", consumer).await;
            }
            store.consumer("A").await;
            let all = "x".repeat(usize::try_from(limit).unwrap() - 200);
            assert!(store.append("A", producer, None, &[&all]).await.is_ok(), "bytes were lost");
        });
    }
}
