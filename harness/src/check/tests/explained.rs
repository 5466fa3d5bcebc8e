//! Which missing acks a fault explains: attempt by attempt, by what it touches and what it causes.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::fault::kinds::{black_hole, crash, cut, drop_ack, kill, pause, slow, stop};
use crate::fault::{Action, Definition, Effect, Fault, Hold, Part, Target, Trigger, Who};
use crate::history::{Attempt, Class, Firing, Sent, Session};
use crate::input::diagnostic::Spot;
use crate::scenario::Store;

/// A fault and what a firing of it names.
#[derive(Clone)]
struct Kind(Action, &'static str);

fn process(definition: &'static Definition, hold: Hold, part: Part) -> Kind {
    let target = Target::Process(part);
    let whom = match part {
        Part::Broker(0) => "broker",
        Part::Broker(_) => "broker 2",
        Part::Database => "database",
        Part::Node(_) => "database 2",
    };
    Kind(Action { definition, target, effect: Effect::Process(hold) }, whom)
}

const BROKER: Part = Part::Broker(0);

fn killed(part: Part) -> Kind {
    process(&kill::KILL, Hold::Killed, part)
}

fn stopped(part: Part) -> Kind {
    process(&stop::STOP, Hold::Stopped, part)
}

fn paused(part: Part) -> Kind {
    process(&pause::PAUSE, Hold::Paused, part)
}

fn cut_off(whom: &'static str) -> Kind {
    let effect = Effect::Link(Arc::new(cut::Cut));
    let target = if whom == "database" { Target::DatabaseLink } else { Target::Links(Who::Any) };
    Kind(Action { definition: &cut::CUT, target, effect }, whom)
}

fn crashed() -> Kind {
    let target = Target::Consumers(Who::Any);
    Kind(Action { definition: &crash::CRASH, target, effect: Effect::Crash }, "C1")
}

fn slowed(whom: &'static str) -> Kind {
    let slow =
        slow::Slow { latency: Duration::from_millis(1), jitter: Duration::ZERO, bandwidth: None };
    let effect = Effect::Link(Arc::new(slow));
    Kind(Action { definition: &slow::SLOW, target: Target::Links(Who::Any), effect }, whom)
}

/// Adds firings over these stamps.
fn fire(plan: &mut Plan, history: &mut History, kind: &Kind, over: &[(u64, u64)]) {
    let fault = u32::try_from(plan.scenario.faults.len()).unwrap();
    let trigger = Trigger::At(Duration::from_secs(1));
    let (action, trigger_spot) = (kind.0.clone(), Spot::default());
    plan.scenario.faults.push(Fault { line: 9, trigger_spot, trigger, action, lasts: None });
    history.faults.extend(over.iter().map(|(began, ended)| Firing {
        fault,
        whom: kind.1.to_owned(),
        began: moment(*began),
        struck: Some(moment(*began)),
        ended: moment(*ended),
        met: 1,
        on_disk: None,
    }));
}

fn moment(stamp: u64) -> Moment {
    Moment { stamp, at: stamp }
}

/// The stamps of a sound history, this many times as far from each other.
const APART: u64 = 100;

/// The request of P1 that nobody acks.
const FAILED: usize = 10;

/// A sound history in which one request of P1 did not succeed, and when it began and ended. Its
/// stamps have room between them.
fn failed(outcome: Outcome) -> (Plan, History, (u64, u64)) {
    let (plan, mut history) = sound(&LONG, calm(40));
    let spread = |moment: &mut Moment| moment.stamp *= APART;
    for part in &mut history.producers {
        for sent in &mut part.sends {
            spread(&mut sent.invoked);
            spread(&mut sent.completed);
        }
    }
    for part in &mut history.consumers {
        for claim in &mut part.subscriptions {
            spread(&mut claim.invoked);
            claim.confirmed.as_mut().map(spread);
        }
        for poll in &mut part.polls {
            spread(&mut poll.invoked);
            spread(&mut poll.completed);
        }
    }
    let never = !matches!(outcome, Outcome::Unknown { .. });
    let sent = &mut history.producers[0].sends[FAILED];
    sent.outcome = outcome;
    let over = (sent.invoked.stamp, sent.completed.stamp);
    if never {
        let message = Some(MessageId(sent.first));
        for consumer in &mut history.consumers {
            let place = consumer.deliveries.iter().position(|own| own.message() == message);
            consumer.drop_at(place.unwrap());
        }
    }
    (plan, history, over)
}

fn refused(why: &str) -> Outcome {
    Outcome::Refused { why: why.to_owned() }
}

fn unknown() -> Outcome {
    Outcome::Unknown { why: "the connection broke".to_owned() }
}

/// Its attempts, one right after the other.
fn tried(history: &mut History, tries: &[(Class, Option<&str>)]) -> Vec<(u64, u64)> {
    let sent = &mut history.producers[0].sends[FAILED];
    let (began, ended) = (sent.invoked.stamp, sent.completed.stamp);
    let each = (ended - began) / tries.len() as u64;
    let spans = (0..tries.len() as u64).map(|n| (began + n * each, began + (n + 1) * each - 2));
    let spans: Vec<_> = spans.collect();
    sent.attempts = u32::try_from(tries.len()).unwrap();
    sent.tries = spans
        .iter()
        .zip(tries)
        .map(|((began, ended), (class, code))| Attempt {
            began: moment(*began),
            ended: moment(*ended),
            class: *class,
            code: code.map(str::to_owned),
            broker: 1,
        })
        .collect();
    spans
}

#[track_caller]
fn explained(plan: &Plan, history: &History) {
    check(plan, history, &[]);
}

#[track_caller]
fn doubted(plan: &Plan, history: &History, words: &str) {
    let judgement = judge(plan, history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{judgement:#?}");
    let found = judgement.inconclusive.iter().any(|doubt| doubt.contains(words));
    assert!(found, "{words}: {:#?}", judgement.inconclusive);
}

#[test]
fn a_fault_explains_only_what_it_touches_and_causes() {
    let away = "cannot reach the broker at http://127.0.0.1:9: connection refused";
    let drops = Kind(
        Action {
            definition: &drop_ack::DROP_ACK,
            target: Target::Links(Who::Any),
            effect: Effect::Link(Arc::new(drop_ack::DropAcks(1))),
        },
        "P1",
    );
    let hole = Kind(
        Action {
            definition: &black_hole::BLACK_HOLE,
            target: Target::Links(Who::Any),
            effect: Effect::Link(Arc::new(black_hole::BlackHole)),
        },
        "P1 C2",
    );
    let (silent, unavailable) = ([unknown(), refused(away)], refused("no store (unavailable)"));
    for (kind, store, answers, refuses) in [
        (cut_off("P1"), Store::Memory, true, false),
        (cut_off("C2 P1 P3"), Store::Memory, true, false),
        (hole, Store::Memory, true, false),
        (slowed("P1"), Store::Memory, true, false),
        (drops, Store::Memory, true, false),
        (cut_off("P2"), Store::Memory, false, false),
        (cut_off("P11 C1"), Store::Memory, false, false),
        (slowed("C1"), Store::Memory, false, false),
        (crashed(), Store::Memory, false, false),
        (killed(BROKER), Store::Memory, true, false),
        (paused(BROKER), Store::Memory, true, false),
        (stopped(BROKER), Store::Memory, true, true),
        (killed(BROKER), Store::Mysql, true, true),
        (paused(BROKER), Store::Mysql, true, true),
        // P1 speaks to the first broker, which waits for the locks of the second.
        (killed(Part::Broker(1)), Store::Mysql, true, true),
        (paused(Part::Database), Store::Mysql, true, true),
        (cut_off("database"), Store::Mysql, true, true),
    ] {
        let whom = kind.1;
        let outcomes = silent.iter().map(|own| (own, answers)).chain([(&unavailable, refuses)]);
        for (outcome, expected) in outcomes {
            let (mut plan, mut history, (began, ended)) = failed(outcome.clone());
            plan.scenario.broker.store = store;
            fire(&mut plan, &mut history, &kind, &[(began + 1, ended - 1)]);
            let judgement = judge(&plan, &history);
            let verdict = if expected { Verdict::Pass } else { Verdict::Unknown };
            assert_eq!(judgement.verdict, verdict, "{whom} {store}: {outcome:?} {judgement:#?}");
        }
        for code in ["full", "bad_request", "sequence_gap", "from_the_future"] {
            let (mut plan, mut history, (began, ended)) = failed(refused(&format!("no ({code})")));
            plan.scenario.broker.store = store;
            fire(&mut plan, &mut history, &kind, &[(began + 1, ended - 1)]);
            let words = format!(
                "1 planned message was refused: P1#11, with `{code}`, which no fault explains"
            );
            doubted(&plan, &history, &words);
        }
    }
}

#[test]
fn a_refusal_without_a_code_is_shown_in_its_words() {
    let (mut plan, mut history, (began, ended)) = failed(refused("come again"));
    fire(&mut plan, &mut history, &cut_off("P1"), &[(began + 1, ended - 1)]);
    let words = "was refused: P1#11, which no fault explains (the first: come again)";
    doubted(&plan, &history, words);
}

#[test]
fn each_attempt_needs_its_own_explanation() {
    let full = (Class::Refused, Some("full"));
    let (mut plan, mut history, _) = failed(refused("no room (full)"));
    let spans = tried(&mut history, &[(Class::NeverLeft, None), (Class::NeverLeft, None), full]);
    fire(&mut plan, &mut history, &cut_off("P1"), &[(spans[0].0 - 1, spans[2].1 + 1)]);
    doubted(&plan, &history, "refused: P1#11, with `full`, which no fault explains");
    // Not even where the outcome was open from the first attempt on.
    let (mut plan, mut history, _) = failed(unknown());
    let spans = tried(&mut history, &[(Class::Unknown, None), full, (Class::NeverLeft, None)]);
    fire(&mut plan, &mut history, &cut_off("P1"), &[(spans[0].0 - 1, spans[2].1 + 1)]);
    let words = "left with an unknown outcome: P1#11, an attempt was refused with `full`, which no";
    doubted(&plan, &history, words);
    // Two faults for two attempts.
    let tries = [(Class::Unknown, None), (Class::NeverLeft, None)];
    for which in [0..1, 1..2, 0..2] {
        let (mut plan, mut history, _) = failed(unknown());
        let spans = tried(&mut history, &tries);
        let over = &spans[which];
        let over: Vec<_> = over.iter().map(|(began, ended)| (began + 1, ended - 1)).collect();
        // An ack in between ends the first firing: nothing goes on counting.
        history.producers[1].sends[0].completed.stamp = spans[0].1;
        fire(&mut plan, &mut history, &cut_off("P1"), &over);
        if over.len() == 2 {
            explained(&plan, &history);
        } else {
            doubted(
                &plan,
                &history,
                "left with an unknown outcome: P1#11, which no fault explains",
            );
        }
    }
}

#[test]
fn what_never_left_is_called_so() {
    for (code, words) in [
        (None, "1 planned message never left: P1#11"),
        (Some("full"), "1 planned message never left: P1#11, registering was refused with `full`"),
    ] {
        let (plan, mut history, _) = failed(refused("cannot register P1 with T1: no"));
        tried(&mut history, &[(Class::NeverLeft, code)]);
        doubted(&plan, &history, words);
    }
}

#[test]
fn a_fault_counts_until_the_first_ack_of_the_same_broker_after_its_end() {
    let (mut plan, mut history, (began, _)) = failed(unknown());
    // An ack of this broker is in at this stamp; all others are before the fault, or after the attempt.
    let acked = |history: &mut History, at: u64, broker: u32| {
        history.producers[1].sessions[0].broker = broker;
        let mut sends = history.producers[1].sends.iter_mut();
        let last = sends.rfind(|own| own.completed.stamp < began);
        last.unwrap().completed.stamp = at;
    };
    fire(&mut plan, &mut history, &killed(BROKER), &[(began - 80, began - 40)]);
    explained(&plan, &history);
    let mut other = history.clone();
    acked(&mut other, began - 60, 1);
    explained(&plan, &other);
    acked(&mut other, began - 20, 2);
    explained(&plan, &other);
    acked(&mut other, began - 20, 1);
    doubted(&plan, &other, "left with an unknown outcome: P1#11, which no fault explains");
}

const FORGOTTEN: &str = "Producer:1 does not exist (unknown_producer)";

/// P1 registers anew after its failed request.
fn registers_anew(history: &mut History, at: u64) {
    let part = &mut history.producers[0];
    let again = Session { confirmed: moment(at), invoked: moment(at), ..part.sessions[0].clone() };
    part.sessions.push(again);
    part.sends[FAILED + 1..].iter_mut().for_each(|sent| sent.session = 1);
}

#[test]
fn a_new_life_explains_one_refusal_of_each_registration_of_the_old_one() {
    for why in [FORGOTTEN, "Producer:1 does not exist", "epoch 1 is over (wrong_epoch)"] {
        let (mut plan, mut history, (began, ended)) = failed(refused(why));
        // Long before, and others were acked since; but nothing of this registration.
        let before = history.producers[0].sends[FAILED - 1].completed.stamp;
        fire(&mut plan, &mut history, &killed(BROKER), &[(before + 1, before + 2)]);
        doubted(&plan, &history, "`, which no fault explains");
        registers_anew(&mut history, ended + 1);
        explained(&plan, &history);
        // What was acked under the registration after the restart was known then.
        let mut known = history.clone();
        known.faults[0].ended = moment(2);
        known.faults[0].began = moment(1);
        doubted(&plan, &known, "`, which no fault explains");
        // A database does not forget, and a broker that is only held does not.
        plan.scenario.broker.store = Store::Mysql;
        doubted(&plan, &history, "`, which no fault explains");
        plan.scenario.broker.store = Store::Memory;
        for kind in [paused(BROKER), cut_off("P1")] {
            plan.scenario.faults[0].action = kind.0;
            history.faults[0].whom = kind.1.to_owned();
            history.faults[0].ended = moment(began + 1);
            doubted(&plan, &history, "`, which no fault explains");
        }
    }
}

#[test]
fn a_registration_made_after_the_restart_is_known() {
    let (mut plan, mut history, (began, ended)) = failed(refused(FORGOTTEN));
    registers_anew(&mut history, ended + 1);
    history.producers[0].sessions[0].confirmed = moment(began - 1);
    fire(&mut plan, &mut history, &stopped(BROKER), &[(began - 10, began - 5)]);
    doubted(&plan, &history, "refused: P1#11, with `unknown_producer`, which no fault explains");
    history.faults[0].ended = moment(began);
    explained(&plan, &history);
}

#[test]
fn a_second_refusal_of_the_same_registration_is_not_explained() {
    let (mut plan, mut history, (began, ended)) = failed(refused(FORGOTTEN));
    let forgotten = (Class::Refused, Some("unknown_producer"));
    fire(&mut plan, &mut history, &killed(BROKER), &[(began - 2, began - 1)]);
    registers_anew(&mut history, ended + 1);
    tried(&mut history, &[(Class::NeverLeft, None), forgotten]);
    explained(&plan, &history);
    tried(&mut history, &[forgotten, forgotten]);
    doubted(&plan, &history, "refused: P1#11, with `unknown_producer`, which no fault explains");
    // Registered anew in between, it is another registration, which the broker knew.
    let spans = tried(&mut history, &[forgotten, (Class::Unknown, None)]);
    history.producers[0].sends[FAILED].outcome = unknown();
    history.producers[0].sessions[1].confirmed = moment(spans[1].0);
    explained(&plan, &history);
    tried(&mut history, &[forgotten, forgotten]);
    doubted(&plan, &history, "an attempt was refused with `unknown_producer`");
}

#[test]
fn all_requests_of_a_message_without_an_ack_are_to_be_explained() {
    let (mut plan, mut history, (began, ended)) = failed(unknown());
    fire(&mut plan, &mut history, &cut_off("P1"), &[(began + 1, ended - 1)]);
    explained(&plan, &history);
    let sends = &mut history.producers[0].sends;
    let (invoked, completed) = (moment(ended + 1), moment(ended + 2));
    let again =
        Sent { invoked, completed, outcome: refused("no room (full)"), ..sends[FAILED].clone() };
    sends.insert(FAILED + 1, again);
    doubted(&plan, &history, "P1#11, an attempt was refused with `full`, which no fault explains");
}
