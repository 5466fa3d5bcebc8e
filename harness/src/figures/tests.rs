//! Figures of histories made by hand.

use std::time::Duration;

use super::*;
use crate::check;
use crate::fixture::{self, SMALL, SMALL_LOGS, complete, moment, plan};
use crate::history::{Delivery, Firing};

/// Two producers and topics, of which the second has one consumer only.
const TWO: &str = "
topics: { T1: P1 -> C1 C2, T2: P2 -> C1 }
producers: { all: { generate: { messages: 3, size: 4 } } }
";

fn measured(plan: &Plan, history: &History) -> (Summary, Figures) {
    measure(plan, history, &check::judge(plan, history))
}

/// The buckets in which something is, and how much.
fn some(values: &[u64]) -> Vec<(usize, u64)> {
    values.iter().copied().enumerate().filter(|(_, value)| *value > 0).collect()
}

#[test]
fn the_series_say_what_was_sent_acked_and_delivered_when() {
    let (_folder, plan) = plan(SMALL, SMALL_LOGS);
    // Sends begin at 0, 2, .. 10 ms and take 1; both polls end at 17 and bring all.
    let (summary, Figures { series, .. }) = measured(&plan, &complete(&plan));
    assert_eq!(series.width, Duration::from_micros(200));
    assert_eq!(series.all.sent.len(), 85);
    assert_eq!(some(&series.all.sent), [0, 10, 20, 30, 40, 50].map(|bucket| (bucket, 1)));
    assert_eq!(some(&series.all.acked), [5, 15, 25, 35, 45, 55].map(|bucket| (bucket, 1)));
    assert_eq!(some(&series.all.delivered), [(84, 12)], "the end is in the last bucket");
    // Two consumers lack each message that was acked, until all come at once. The first one left when
    // the subscriptions were confirmed, so it is not sure that it is due.
    let backlog = |bucket: usize| series.all.backlog[bucket];
    let behind = [0, 5, 14, 15, 55, 83, 84].map(backlog);
    assert_eq!(behind, [0, 0, 0, 2, 10, 10, 0]);
    assert_eq!(series.all.ack[5].max, Duration::from_millis(1));
    let last = &series.all.end_to_end[84];
    assert_eq!((last.count, last.max), (12, Duration::from_millis(17)));
    assert_eq!(*last, summary.end_to_end, "all came at once");
    assert!(series.topics.is_empty(), "there is one topic only");
}

#[test]
fn topics_have_lines_that_add_up_to_all() {
    let (_folder, plan) = plan(TWO, &[]);
    let (_, Figures { series, .. }) = measured(&plan, &complete(&plan));
    let [(one, first), (other, second)] = &series.topics[..] else { panic!("{series:?}") };
    assert_eq!((one.as_str(), other.as_str()), ("T1", "T2"));
    let sums = |count: fn(&series::Lines) -> &Vec<u64>| {
        [first, second, &series.all].map(|lines| count(lines).iter().sum::<u64>())
    };
    assert_eq!(sums(|lines| &lines.sent), [3, 3, 6]);
    assert_eq!(sums(|lines| &lines.delivered), [6, 3, 9]);
    for (bucket, all) in series.all.backlog.iter().enumerate() {
        assert_eq!(first.backlog[bucket] + second.backlog[bucket], *all);
    }
    let most = |lines: &series::Lines| *lines.backlog.iter().max().unwrap();
    assert_eq!([first, second].map(most), [4, 3], "the first one of T1 may not be due");
}

#[test]
fn beyond_twenty_topics_those_with_most_deliveries_have_lines() {
    let topics = (1..=25).map(|topic| format!("T{topic}: P1 -> C1")).collect::<Vec<_>>();
    let yaml = format!(
        "topics: {{ {} }}\nproducers: {{ all: {{ generate: {{ messages: 50, size: 4 }} }} }}\n",
        topics.join(", ")
    );
    let (_folder, plan) = plan(&yaml, &[]);
    // Nothing comes of the first five.
    let few = |_, topic: crate::plan::TopicIndex, all: Vec<_>| {
        if topic.place() < 5 { Vec::new() } else { all }
    };
    let (_, Figures { series, .. }) = measured(&plan, &fixture::history(&plan, few));
    let names: Vec<_> = series.topics.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<_> = (6..=25).map(|topic| format!("T{topic}")).collect();
    assert_eq!(names, expected);
    assert_eq!(series.all.sent.iter().sum::<u64>(), 50, "the others are in the sum");
    assert_eq!(series.all.backlog.last(), Some(&9), "the first one of T1 may not be due");
}

#[test]
fn every_actor_and_topic_has_its_share() {
    let (_folder, plan) = plan(TWO, &[]);
    // C2 never gets the second of T1, gets the first twice, and the third before the first.
    let wrong = |consumer, _, all: Vec<_>| {
        if consumer == 2 { vec![all[2], all[0], all[0]] } else { all }
    };
    let (_, figures) = measured(&plan, &fixture::history(&plan, wrong));
    let sent: Vec<_> = figures.sent.iter().map(|own| (&*own.producers, &*own.topic)).collect();
    assert_eq!(sent, [("P1", "T1"), ("P2", "T2")]);
    let counts = |own: &Sent| [own.planned, own.sent, own.acked, own.refused, own.unknown];
    assert_eq!(counts(&figures.sent[0]), [3, 3, 3, 0, 0]);
    let got = |own: &Got| {
        let counts = [own.due, own.got, own.lost, own.repeated, own.reordered];
        (own.consumers.clone(), own.topic.clone(), counts)
    };
    let expected = [
        ("C1", "T1", [3, 3, 0, 0, 0]),
        ("C1", "T2", [3, 3, 0, 0, 0]),
        ("C2", "T1", [3, 3, 1, 1, 1]),
    ];
    let expected = expected.map(|(who, topic, counts)| (who.to_owned(), topic.to_owned(), counts));
    assert_eq!(figures.got.iter().map(got).collect::<Vec<_>>(), expected);
}

#[test]
fn firings_are_in_the_order_of_time_and_beyond_two_hundred_they_are_counted() {
    let yaml = format!("{SMALL}faults: [{{ at: 1ms, kill: broker, for: 1ms }}]\n");
    let (_folder, plan) = plan(&yaml, SMALL_LOGS);
    let mut history = complete(&plan);
    let firing = |at| Firing {
        fault: 0,
        whom: "broker".to_owned(),
        began: moment(at),
        struck: Some(moment(at)),
        ended: moment(at + 3),
        met: at,
        on_disk: None,
    };
    history.faults = [16, 4].map(firing).to_vec();
    let (summary, figures) = measured(&plan, &history);
    let [first, second] = &figures.bands[..] else { panic!("{figures:?}") };
    assert_eq!((first.key.as_str(), first.target.as_str()), ("kill", "broker"));
    assert_eq!((first.began, first.ended), (Duration::from_millis(4), Duration::from_millis(7)));
    // Two consumers lack what was acked at 3, and then four more.
    assert_eq!((first.backlog, second.backlog), (Some(2), Some(10)));
    assert_eq!(summary.faults[0].backlog, Some(10));
    history.faults = (0..250).map(firing).collect();
    let (_, figures) = measured(&plan, &history);
    assert_eq!((figures.bands.len(), figures.bands_left_out), (200, 50));
}

#[test]
fn a_run_in_which_nothing_happened_has_empty_figures() {
    let (_folder, plan) = plan(SMALL, SMALL_LOGS);
    let mut history = complete(&plan);
    for part in &mut history.producers {
        part.sends.clear();
    }
    for part in &mut history.consumers {
        part.polls.clear();
        part.deliveries.clear();
    }
    let (_, figures) = measured(&plan, &history);
    assert_eq!(figures.series, Series::default());
    assert_eq!((figures.ack, figures.end_to_end), Default::default());
    // A phantom has no origin and no latency.
    history.consumers[0] = complete(&plan).consumers.swap_remove(0);
    history.consumers[0].deliveries.fill(Delivery::new(None, None));
    let (summary, figures) = measured(&plan, &history);
    assert_eq!((summary.delivered, figures.got[0].got, figures.got[0].due), (6, 6, 0));
    assert_eq!(figures.end_to_end.latency.count, 0);
}
