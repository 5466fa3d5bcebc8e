//! What unit tests of the reports and of the golden files start from: a plan from YAML, and
//! histories made by hand.

use tempfile::TempDir;

use crate::capability::Requests;
use crate::history::{
    Answer, ConsumerHistory, Delivery, Firing, History, Moment, Offsets, Outcome, Polled,
    ProducerHistory, Sent, Subscribed,
};
use crate::plan::{MessageId, Plan, TopicIndex};

/// Two producers of three messages each on one topic, and two consumers of it.
pub(crate) const SMALL: &str = "
description: Two and two
topics: { T1: P1 P2 -> C1 C2 }
producers: { all: { log: 'p{id}.txt' } }
";

/// Logs for [`SMALL`].
pub(crate) const SMALL_LOGS: &[(&str, &str)] = &[
    ("p1.txt", "09:00:00 P1_MSG1 P1-1 T1\n09:00:00 P1_MSG2 P1-2 T1\n09:00:00 P1_MSG3 P1-3 T1\n"),
    ("p2.txt", "09:00:00 P2_MSG1 P2-1 T1\n09:00:00 P2_MSG2 P2-2 T1\n09:00:00 P2_MSG3 P2-3 T1\n"),
];

/// A plan from a scenario `small.yaml` and its logs, all in a folder of their own.
pub(crate) fn plan(yaml: &str, logs: &[(&str, &str)]) -> (TempDir, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = folder.path().join("scenarios");
    std::fs::create_dir(&scenarios).unwrap();
    for (name, text) in logs {
        std::fs::write(scenarios.join(name), text).unwrap();
    }
    let file = scenarios.join("small.yaml");
    std::fs::write(&file, yaml).unwrap();
    let scenario = crate::scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    let plan = Plan::new(scenario).unwrap_or_else(|error| panic!("{error}"));
    (folder, plan)
}

/// A moment whose stamp and time, in milliseconds, are the same.
pub(crate) fn moment(at: u64) -> Moment {
    Moment { stamp: at, at: at * 1_000_000 }
}

/// A firing of the first fault on the broker, between two such moments.
pub(crate) fn firing(began: u64, ended: u64) -> Firing {
    Firing {
        fault: 0,
        whom: "broker".to_owned(),
        began: moment(began),
        struck: None,
        ended: moment(ended),
        met: 1,
        on_disk: None,
    }
}

/// Every message sent in a request of its own, which takes a millisecond; and to each consumer and
/// topic the messages that `delivered` says, in one poll that ends after the last ack.
pub(crate) fn history(
    plan: &Plan,
    delivered: impl Fn(u32, TopicIndex, Vec<MessageId>) -> Vec<MessageId>,
) -> History {
    let mut history = History::default();
    let mut now = 0;
    for producer in &plan.producers {
        let mut part = ProducerHistory::default();
        for index in &producer.streams {
            for first in 0..plan.streams[index.place()].count {
                part.sends.push(Sent {
                    session: 0,
                    stream: *index,
                    first,
                    count: 1,
                    intended: moment(now).at,
                    invoked: moment(now),
                    completed: moment(now + 1),
                    attempts: 1,
                    tries: Vec::new(),
                    outcome: Outcome::Acked { offsets: Offsets::Untold },
                });
                now += 2;
            }
        }
        history.producers.push(part);
    }
    for consumer in &plan.consumers {
        let mut part = ConsumerHistory::default();
        for (place, topic) in consumer.topics.iter().enumerate() {
            let streams = &plan.topics[topic.place()].streams;
            let all = streams.iter().flat_map(|stream| plan.streams[stream.place()].messages());
            let messages = delivered(consumer.number, *topic, all.map(MessageId).collect());
            part.subscriptions.push(Subscribed {
                incarnation: 0,
                topic: *topic,
                id: None,
                epoch: None,
                offset: None,
                invoked: moment(0),
                confirmed: Some(moment(0)),
                forgotten: None,
            });
            part.polls.push(Polled {
                subscription: u32::try_from(place).unwrap(),
                invoked: moment(now),
                completed: moment(now + 5),
                answer: Answer::Delivered(u32::try_from(messages.len()).unwrap()),
            });
            part.deliveries.extend(messages.iter().map(|id| Delivery::new(Some(*id), None)));
        }
        history.consumers.push(part);
    }
    history
}

/// Everything arrives, one producer after the other.
pub(crate) fn complete(plan: &Plan) -> History {
    history(plan, |_, _, all| all)
}

/// Whether the first answer to each of these requests is an ack, each sent in pieces of so many bytes;
/// nothing is answered before a request is whole, or twice.
pub(crate) fn acks<R: AsRef<[u8]>>(
    seen: &mut dyn Requests,
    requests: &[R],
    piece: usize,
) -> Vec<bool> {
    let answers = requests.iter().map(|request| {
        for piece in request.as_ref().chunks(piece) {
            assert!(!seen.answered(), "nothing is whole yet");
            seen.sent(piece);
        }
        let first = seen.answered();
        assert!(!seen.answered(), "it was the first byte already");
        first
    });
    answers.collect()
}
