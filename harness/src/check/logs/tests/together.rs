//! Consumers against each other, where something may come twice or not at all.

use super::*;
use crate::scenario::{Delivery, Order};

fn three(payloads: [&'static str; 3], consumers: u32, delivery: Delivery) -> Plan {
    let shape = Shape { topics: 1, producers: 3, consumers, messages: 1, batch: 1 };
    let mut plan = plan_of(&shape, |producer, _, _| payloads[producer as usize - 1].to_owned());
    plan.scenario.expect.delivery = delivery;
    plan
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| format!("T1 {word}")).collect()
}

#[track_caller]
fn comes_to(plan: &Plan, logs: &[&str], verdict: Verdict) -> Reading {
    let logs: Vec<Vec<String>> = logs.iter().map(|log| words(log)).collect();
    let reading = read(plan, &logs);
    assert_eq!(reading.judgement.verdict, verdict, "{reading:#?}");
    reading
}

#[test]
fn a_duplicate_does_not_hide_that_consumers_disagree() {
    let plan = three(["a", "b", "c"], 3, Delivery::AtLeastOnce);
    let reading = comes_to(&plan, &["a b c", "b a a c", "a b c"], Verdict::Fail);
    let divergent = &reading.judgement.violations[0];
    assert_eq!((divergent.kind, divergent.count), (AnomalyKind::Divergent, 1));
    assert_eq!(divergent.proofs[0].consumer.as_deref(), Some("C2"));
    comes_to(&plan, &["a b c", "a b a c b", "a b c c"], Verdict::Pass);
}

#[test]
fn a_circle_of_logs_disagrees_though_no_two_of_them_do() {
    let plan = three(["a", "b", "c"], 3, Delivery::AtMostOnce);
    let reading = comes_to(&plan, &["a b", "b c", "c a"], Verdict::Fail);
    assert_eq!(reading.judgement.violations[0].kind, AnomalyKind::Divergent);
    comes_to(&plan, &["a b", "b c", "a c"], Verdict::Pass);
    // And where payloads repeat.
    let shape = Shape { topics: 1, producers: 3, consumers: 3, messages: 2, batch: 1 };
    let mut plan = plan_of(&shape, |producer, _, number| match number {
        1 => ["a", "b", "c"][producer as usize - 1].to_owned(),
        _ => "x".to_owned(),
    });
    plan.scenario.expect.delivery = Delivery::AtMostOnce;
    comes_to(&plan, &["a b x", "b c x", "c a x"], Verdict::Fail);
    comes_to(&plan, &["a b x", "b c x", "a c x"], Verdict::Pass);
}

#[test]
fn lines_too_many_of_repeated_payloads_leave_no_verdict_unless_nothing_fits() {
    let shape = Shape { topics: 1, producers: 3, consumers: 2, messages: 2, batch: 1 };
    let sent = ["IE", "IE", "DI"];
    let letter = |producer: u32, number: u32| {
        sent[producer as usize - 1].chars().nth(number as usize - 1).unwrap().to_string()
    };
    let mut plan = plan_of(&shape, |producer, _, number| letter(producer, number));
    plan.scenario.expect.delivery = Delivery::AtLeastOnce;
    comes_to(&plan, &["I E I D I E", "I E I D I E"], Verdict::Pass);
    let reading = comes_to(&plan, &["I E I D I E", "I E I D I I E"], Verdict::Unknown);
    assert!(reading.judgement.inconclusive[0].contains("T1 of C2: its order cannot be judged"));
    let reading = comes_to(&plan, &["I E I D I E", "E E I D I I I"], Verdict::Fail);
    assert_eq!(reading.judgement.violations[0].kind, AnomalyKind::Reordered);
    plan.scenario.expect.order = Order::None;
    comes_to(&plan, &["I E I D I E", "E E I D I I I"], Verdict::Pass);
}

#[test]
fn lines_too_many_in_one_log_leave_the_others_compared() {
    let plan = levels(&LARGE);
    let mut logs = logs(&plan, Play::default());
    let place = (300..).find(|place| logs[0][*place] != logs[0][place + 1]).unwrap();
    logs[0].swap(place, place + 1);
    let twice = logs[1][5].clone();
    logs[1].push(twice);
    let found = kinds(&read(&plan, &logs));
    assert!(found.iter().any(|(kind, _)| *kind == AnomalyKind::Divergent), "{found:?}");
}

#[test]
fn one_swap_is_held_against_the_log_that_has_it_alone() {
    let shape = Shape { topics: 1, producers: 2, consumers: 3, messages: 2, batch: 1 };
    let plan = plan(&shape);
    let right = "P1_T1_1 P2_T1_1 P2_T1_2 P1_T1_2";
    let wrong = "P1_T1_2 P1_T1_1 P2_T1_1 P2_T1_2";
    let reading = comes_to(&plan, &[right, wrong, right], Verdict::Fail);
    assert_eq!(kinds(&reading), [(AnomalyKind::Reordered, 1)]);
}

#[test]
fn where_no_order_is_promised_nothing_is_searched() {
    let mut plan = levels(&LARGE);
    plan.scenario.expect.order = Order::None;
    let mut logs = logs(&plan, Play::default());
    logs[1].rotate_left(700);
    let reading = read(&plan, &logs);
    assert_eq!(reading.judgement.verdict, Verdict::Pass, "{reading:#?}");
    assert_eq!(reading.notes, ["T1 of C1..C3: order not judged, for none is promised"]);
}

#[test]
fn one_payload_is_a_matter_of_counting() {
    let shape = Shape { topics: 1, producers: 5, consumers: 2, messages: 400, batch: 1 };
    let plan = plan_of(&shape, |_, _, _| "I".to_owned());
    let log = vec!["T1 I".to_owned(); 2_000];
    let reading = read(&plan, &[log.clone(), log[..1_999].to_vec()]);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1)]);
    assert_eq!(reading.judgement.inconclusive, Vec::<String>::new());
}

#[test]
fn where_a_line_is_missing_is_said_as_far_as_logs_show_it() {
    // One consumer: the messages of the same producer around it.
    let shape = Shape { topics: 1, producers: 2, consumers: 1, messages: 3, batch: 1 };
    let one = plan(&shape);
    let log = "P1_T1_1 P2_T1_1 P2_T1_2 P2_T1_3 P1_T1_3";
    let reading = comes_to(&one, &[log], Verdict::Fail);
    let evidence = &reading.judgement.violations[0].proofs[0].evidence;
    assert_eq!(
        evidence,
        &["missing between lines 1 and 5 of consumer_1.txt, where P1#1 and P1#3 stand"]
    );
    // Another log has it, and lacks something else: it shows where all the same.
    let shape = Shape { topics: 1, producers: 1, consumers: 2, messages: 6, batch: 1 };
    let six = plan_of(&shape, |_, _, number| {
        ["A", "B", "A", "C", "B", "C"][number as usize - 1].to_owned()
    });
    let reading = comes_to(&six, &["A A C B C", "A B A C C"], Verdict::Fail);
    let proofs = &reading.judgement.violations[0].proofs;
    assert!(
        proofs[0].evidence[0].starts_with("missing between lines 1 and 2 of consumer_1.txt"),
        "{proofs:#?}"
    );
    let shape = Shape { topics: 1, producers: 2, consumers: 2, messages: 3, batch: 1 };
    let six = plan_of(&shape, |_, _, number| ["A", "B", "C"][number as usize - 1].to_owned());
    let reading = comes_to(&six, &["A A B C C", "A A B B C"], Verdict::Fail);
    let proofs = &reading.judgement.violations[0].proofs;
    let shown =
        "consumer_2.txt:4 has one more, which would stand between lines 3 and 4 of consumer_1.txt";
    assert_eq!(proofs[0].evidence, [shown], "{proofs:#?}");
}
