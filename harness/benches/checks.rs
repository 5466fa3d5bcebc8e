//! How fast a run is judged and measured: a history as `million` leaves it, in nanoseconds and bytes an
//! event.
//!
//! 20 producers send 1,000,000 messages in batches of 500 to 3 topics, and 10 consumers get all of
//! them in polls of 1,000. An event is a message sent or delivered. The ratio compares the checks
//! with one plain walk over the same deliveries, measured alternately, so that it means the same on
//! a slow machine. Bytes are the growth of the process's peak.

use std::fmt::Write;
use std::fs;
use std::time::Duration;

use harness::check::{self, Verdict};
use harness::figures;
use harness::history::{
    Answer, ConsumerHistory, Delivery, EpochIndex, History, Moment, Offsets, Outcome, Polled,
    ProducerHistory, Sent, Session, Subscribed,
};
use harness::plan::{MessageId, Plan, TopicIndex};
use harness::scenario;

const MESSAGES: u32 = 50_000;
const BATCH: u32 = 500;
const POLL: usize = 1_000;
const ROUNDS: usize = 5;

fn main() {
    let plan = plan();
    let history = history(&plan);
    let delivered: usize = history.consumers.iter().map(|own| own.deliveries.len()).sum();
    let events = plan.messages.len() + delivered;
    let before = peak();
    let mut checks = Vec::new();
    let mut walks = Vec::new();
    let mut measured = Vec::new();
    for _ in 0..ROUNDS {
        walks.push(timed(|| {
            let all = history.consumers.iter().flat_map(|own| &own.deliveries);
            let sum = all.filter_map(|own| own.message()).map(|m| u64::from(m.0)).sum::<u64>();
            std::hint::black_box(sum);
        }));
        checks.push(timed(|| {
            let judgement = check::judge(&plan, &history);
            assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:?}");
        }));
        let judgement = check::judge(&plan, &history);
        measured.push(timed(|| {
            let (summary, _) = figures::measure(&plan, &history, &judgement);
            assert_eq!(summary.delivered, delivered as u64);
        }));
    }
    let (walk, own) = (median(&mut walks), median(&mut checks));
    let nanos = own.as_secs_f64() * 1e9 / events as f64;
    let bytes = peak().saturating_sub(before) as f64 / events as f64;
    let ratio = own.as_secs_f64() / walk.as_secs_f64();
    println!("checks of {events} events: {:.0} ms", own.as_secs_f64() * 1e3);
    println!("{nanos:.1} ns an event (at most 100), {bytes:.1} bytes an event (at most 100)");
    println!("{ratio:.1} times a plain walk over the deliveries");
    let measured = median(&mut measured).as_secs_f64();
    let (nanos, ratio) = (measured * 1e9 / events as f64, measured / own.as_secs_f64());
    println!("figures: {nanos:.1} ns each, {ratio:.2} times the checks");
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The most memory that this process ever had, in bytes; 0 where the system does not say.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn plan() -> Plan {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut text = String::from("topics:\n");
    for topic in 1..=3 {
        let _ = writeln!(text, "  T{topic}: P1..P20 -> C1..C10");
    }
    let _ = write!(
        text,
        "producers:\n  all:\n    generate: {{ messages: {MESSAGES}, size: 16..16 }}\n    batch: {BATCH}\n\
         consumers:\n  all: {{ batch: {POLL} }}\n"
    );
    let file = folder.path().join("million.yaml");
    fs::write(&file, text).expect("a file in a temporary folder");
    scenario::load(&file).and_then(Plan::new).expect("the scenario is valid")
}

/// Producers take turns, a round each; consumers poll when all was sent.
fn history(plan: &Plan) -> History {
    let mut stamp = 0;
    let mut now = move || {
        stamp += 1;
        Moment { stamp, at: stamp * 1_000 }
    };
    let mut consumers: Vec<ConsumerHistory> =
        vec![ConsumerHistory::default(); plan.consumers.len()];
    for own in &mut consumers {
        own.subscriptions.extend((0..plan.topics.len()).map(|topic| Subscribed {
            incarnation: 0,
            topic: TopicIndex::new(topic),
            id: Some("1".to_owned()),
            epoch: Some(EpochIndex(0)),
            offset: Some(0),
            invoked: now(),
            confirmed: Some(now()),
            forgotten: None,
        }));
    }
    let mut logs: Vec<Vec<MessageId>> = vec![Vec::new(); plan.topics.len()];
    let producers = produce(plan, &mut logs, &mut now);
    for own in &mut consumers {
        let longest = logs.iter().map(Vec::len).max().unwrap_or(0);
        for from in (0..longest).step_by(POLL) {
            for (subscription, log) in (0..).zip(&logs) {
                let part = &log[from.min(log.len())..(from + POLL).min(log.len())];
                let offsets = from as u64..;
                let part = offsets.zip(part);
                own.deliveries.extend(part.map(|(at, m)| Delivery::new(Some(*m), Some(at))));
                let brought = log.len().min(from + POLL) - from.min(log.len());
                let brought = u32::try_from(brought).expect("at most a poll");
                let (invoked, completed) = (now(), now());
                let answer = Answer::Delivered(brought);
                own.polls.push(Polled { subscription, invoked, completed, answer });
            }
        }
    }
    History { epochs: vec!["e".to_owned()], producers, consumers, ..History::default() }
}

fn produce(
    plan: &Plan,
    logs: &mut [Vec<MessageId>],
    now: &mut impl FnMut() -> Moment,
) -> Vec<ProducerHistory> {
    let mut parts: Vec<ProducerHistory> = vec![ProducerHistory::default(); plan.producers.len()];
    for (part, producer) in parts.iter_mut().zip(&plan.producers) {
        part.sessions.extend(producer.streams.iter().map(|&stream| Session {
            incarnation: 0,
            stream,
            id: Some(stream.0.to_string()),
            epoch: Some(EpochIndex(0)),
            broker: 1,
            base: 0,
            invoked: now(),
            confirmed: now(),
        }));
    }
    let rounds = plan.producers.iter().map(|producer| producer.rounds.len()).max().unwrap_or(0);
    for round in 0..rounds {
        for (part, producer) in parts.iter_mut().zip(&plan.producers) {
            let Some(round) = producer.rounds.get(round) else { continue };
            for place in round.requests.clone() {
                let request = producer.requests[place as usize];
                let stream = &plan.streams[request.stream.place()];
                let log = &mut logs[stream.topic.place()];
                let offset = Offsets::From(log.len() as u64);
                let first = stream.first.0 + request.first;
                log.extend((first..first + request.count).map(MessageId));
                let session = producer.streams.iter().position(|own| *own == request.stream);
                let session = session.expect("a request is of a stream of its producer");
                let invoked = now();
                part.sends.push(Sent {
                    session: u32::try_from(session).expect("few topics"),
                    stream: request.stream,
                    first: request.first,
                    count: request.count,
                    intended: invoked.at,
                    invoked,
                    completed: now(),
                    attempts: 1,
                    tries: Vec::new(),
                    outcome: Outcome::Acked { offsets: offset },
                });
            }
        }
    }
    parts
}
