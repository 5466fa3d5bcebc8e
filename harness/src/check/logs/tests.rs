//! What can be known from logs alone, on unique and on repeated payloads.

mod ends;
mod together;

use super::{Reading, judge, parse};
use crate::check::Verdict;
use crate::check::fixture::{Chance, Play, SMALL, Shape, history, plan, plan_of};
use crate::plan::{MessageId, Plan};
use crate::scenario::{AnomalyKind, Start};

/// As large as the recorded set-up: three producers, three payloads.
const LARGE: Shape = Shape { topics: 1, producers: 3, consumers: 3, messages: 600, batch: 1 };

fn levels(shape: &Shape) -> Plan {
    let chance = std::cell::RefCell::new(Chance(4));
    plan_of(shape, |_, _, _| ["INFO", "DEBUG", "ERROR"][chance.borrow_mut().below(3)].to_owned())
}

/// The consumers' logs of a legal run, as lines.
fn logs(plan: &Plan, play: Play) -> Vec<Vec<String>> {
    let history = history(plan, play);
    let line = |message| {
        let topic = plan.stream(message).topic;
        format!("{}     {}", plan.topics[topic.place()].name, plan.messages.payload(message))
    };
    let consumers = history.consumers.iter();
    consumers
        .map(|own| own.deliveries.iter().map(|d| line(d.message().unwrap())).collect())
        .collect()
}

fn read(plan: &Plan, logs: &[Vec<String>]) -> Reading {
    let lines = logs.iter().enumerate().map(|(place, log)| {
        parse(plan, format!("consumer_{}.txt", place + 1), log.join("\n")).unwrap()
    });
    judge(plan, &lines.collect::<Vec<_>>())
}

fn kinds(reading: &Reading) -> Vec<(AnomalyKind, u64)> {
    let violations = &reading.judgement.violations;
    violations.iter().map(|finding| (finding.kind, finding.count)).collect()
}

#[test]
fn logs_of_legal_runs_pass_and_repeated_payloads_are_never_called_in_order() {
    let small = [plan(&SMALL), levels(&SMALL), levels(&LARGE)];
    for mut plan in small {
        for seed in 0..3 {
            let reading = read(&plan, &logs(&plan, Play { seed, ..Play::default() }));
            assert_eq!(reading.judgement.verdict, Verdict::Pass, "{reading:#?}");
            let unique = plan.messages.payload(MessageId(0)).contains('_');
            let words = if unique { "are in order" } else { "order not refuted" };
            assert!(reading.notes.iter().all(|note| note.contains(words)), "{:?}", reading.notes);
        }
        plan.scenario.start = Start::Together;
        for seed in 0..3 {
            let play = Play { seed, together: true, ..Play::default() };
            let reading = read(&plan, &logs(&plan, play));
            assert_eq!(kinds(&reading), []);
            let late = |doubt: &String| doubt.ends_with("it may have subscribed late");
            assert!(reading.judgement.inconclusive.iter().all(late), "{reading:#?}");
        }
    }
}

#[test]
fn three_removed_lines_with_unique_payloads_are_named() {
    let plan = plan(&SMALL);
    let mut logs = logs(&plan, Play::default());
    let mut gone: Vec<String> = [40, 21, 3].map(|line| logs[1].remove(line)).to_vec();
    let reading = read(&plan, &logs);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 3)]);
    let proofs = &reading.judgement.violations[0].proofs;
    let payload = |name: &str| {
        let mut ids = (0..plan.messages.len()).map(MessageId::new);
        plan.messages.payload(ids.find(|id| plan.name(*id).to_string() == name).unwrap())
    };
    let mut named: Vec<String> = proofs
        .iter()
        .map(|proof| format!("{}     {}", proof.topic, payload(&proof.messages[0])))
        .collect();
    named.sort();
    gone.sort();
    assert_eq!(named, gone);
    assert!(proofs[0].title.starts_with("C2 never got P"), "{}", proofs[0].title);
}

#[test]
fn removed_lines_with_repeated_payloads_are_counted_and_placed() {
    let plan = levels(&LARGE);
    let mut logs = logs(&plan, Play::default());
    let removed = logs[2].remove(700);
    let payload = removed.split_whitespace().last().unwrap();
    let reading = read(&plan, &logs);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1)]);
    let proof = &reading.judgement.violations[0].proofs[0];
    assert!(proof.title.starts_with(&format!("C3 logged \"{payload}\" of T1 ")), "{proof:?}");
    assert!(proof.title.ends_with(": 1 missing"), "{proof:?}");
    // The gap is among the equal lines round line 701.
    let numbers: Vec<usize> = proof.evidence[0]
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect();
    assert!(numbers[0] <= 700 && 701 <= numbers[1] && numbers[1] - numbers[0] < 20, "{proof:?}");
    let note =
        "T1 of C1 C2: order not refuted; of C3: order not refuted, but for the missing lines (1)";
    assert!(reading.notes.contains(&note.to_owned()), "{:?}", reading.notes);
}

#[test]
fn what_another_log_shows_of_a_gap_is_said_though_none_is_complete() {
    let plan = plan(&SMALL);
    let mut logs = logs(&plan, Play::default());
    logs[0].remove(20);
    let gone = logs[1].remove(8);
    logs[2].retain(|line| *line != gone);
    let there = logs[0].iter().position(|line| *line == gone).unwrap() + 1;
    let reading = read(&plan, &logs);
    let proofs = &reading.judgement.violations[0].proofs;
    let first = proofs.iter().find(|proof| proof.title.starts_with("C1")).unwrap();
    // The line was the 21st; the one that followed it is of the other topic.
    let shown = "missing between lines 20 and 22 of consumer_1.txt, as consumer_2.txt:20 shows";
    assert_eq!(first.evidence, [shown]);
    let second = proofs.iter().find(|proof| proof.title.starts_with("C2")).unwrap();
    let shown = format!("as consumer_1.txt:{there} shows");
    assert!(second.evidence[0].ends_with(&shown), "{second:?}");
}

#[test]
fn two_that_are_missing_from_one_gap_are_one_line() {
    let shape = Shape { topics: 1, producers: 1, consumers: 2, messages: 4, batch: 1 };
    let plan = plan_of(&shape, |_, _, number| ["A", "B", "B", "C"][number as usize - 1].to_owned());
    let text = |word: &str| word.chars().map(|c| format!("T1 {c}")).collect::<Vec<_>>();
    let reading = read(&plan, &[text("ABBC"), text("AC")]);
    let proof = &reading.judgement.violations[0].proofs[0];
    assert_eq!(proof.title, "C2 logged \"B\" of T1 never, it was sent twice: 2 missing");
    let shown = "2 missing between lines 1 and 2 of consumer_2.txt, as consumer_1.txt shows";
    assert_eq!(proof.evidence, [shown]);
}

#[test]
fn three_lines_missing_of_repeated_payloads_are_still_judged() {
    let plan = levels(&LARGE);
    let mut logs = logs(&plan, Play::default());
    for line in [1500, 900, 12] {
        logs[0].remove(line);
    }
    let reading = read(&plan, &logs);
    let lost: u64 = kinds(&reading).iter().map(|(_, count)| count).sum();
    assert_eq!((kinds(&reading)[0].0, lost), (AnomalyKind::Lost, 3), "{reading:#?}");
    assert!(reading.judgement.inconclusive.is_empty(), "{:?}", reading.judgement.inconclusive);
}

#[test]
fn two_consumers_that_disagree_are_divergent() {
    let plan = levels(&LARGE);
    let mut logs = logs(&plan, Play::default());
    let place = (300..).find(|place| logs[0][*place] != logs[0][place + 1]).unwrap();
    logs[0].swap(place, place + 1);
    let reading = read(&plan, &logs);
    assert!(
        kinds(&reading).iter().any(|(kind, _)| *kind == AnomalyKind::Divergent),
        "{reading:#?}"
    );
}

#[test]
fn an_order_that_no_interleaving_gives_is_reordered() {
    let shape = Shape { topics: 1, producers: 2, consumers: 1, messages: 4, batch: 1 };
    let plan = plan_of(&shape, |_, _, number| ["A", "A", "B", "B"][number as usize - 1].to_owned());
    let text = |word: &str| word.chars().map(|c| format!("T1 {c}")).collect::<Vec<_>>();
    assert_eq!(kinds(&read(&plan, &[text("AABABABB")])), []);
    let reading = read(&plan, &[text("ABAABABB")]);
    assert_eq!(kinds(&reading), [(AnomalyKind::Reordered, 1)]);
    let evidence = &reading.judgement.violations[0].proofs[0].evidence[0];
    assert!(evidence.contains("consumer_1.txt:2"), "{evidence}");
}

#[test]
fn swapped_lines_with_unique_payloads_are_named() {
    let shape = Shape { topics: 1, producers: 2, consumers: 2, messages: 3, batch: 1 };
    let plan = plan(&shape);
    let text = |lines: &[&str]| lines.iter().map(|line| format!("T1 {line}")).collect::<Vec<_>>();
    let (a, b) = (["P1_T1_1", "P1_T1_2", "P1_T1_3"], ["P2_T1_1", "P2_T1_2", "P2_T1_3"]);
    let right = text(&[a[0], b[0], a[1], b[1], a[2], b[2]]);
    assert_eq!(kinds(&read(&plan, &[right.clone(), right.clone()])), []);
    let other = text(&[b[0], a[0], a[1], b[1], a[2], b[2]]);
    assert_eq!(kinds(&read(&plan, &[right.clone(), other])), [(AnomalyKind::Divergent, 1)]);
    let right = text(&[b[0], a[0], a[1], b[1], a[2], b[2]]);
    let wrong = text(&[b[0], a[1], a[0], b[1], a[2], b[2]]);
    assert_eq!(kinds(&read(&plan, &[right, wrong])), [(AnomalyKind::Reordered, 1)]);
}

#[test]
fn lines_too_many_and_lines_of_others_are_told_apart() {
    let plan = plan(&SMALL);
    let mut logs = logs(&plan, Play::default());
    let copy = logs[0][5].clone();
    logs[0].push(copy);
    logs[1].push("T1     boo".to_owned());
    logs[2].push("T1     P1_T2_1".to_owned());
    let expected =
        [(AnomalyKind::Duplicate, 1), (AnomalyKind::Phantom, 1), (AnomalyKind::Misrouted, 1)];
    assert_eq!(kinds(&read(&plan, &logs)), expected);
}

#[test]
fn a_log_that_begins_late_is_fair_only_where_the_start_is_a_race() {
    for mut plan in [plan(&SMALL), levels(&SMALL)] {
        let mut logs = logs(&plan, Play::default());
        logs[0].drain(..5);
        assert!(matches!(kinds(&read(&plan, &logs))[..], [(AnomalyKind::Lost, 5)]));
        plan.scenario.start = Start::Together;
        assert_eq!(kinds(&read(&plan, &logs)), []);
        let mut all = logs.clone();
        logs[0].remove(20);
        assert_eq!(kinds(&read(&plan, &logs)), [(AnomalyKind::Lost, 1)]);
        // What no log has was over before any consumer subscribed.
        let gone: Vec<String> =
            all[1].iter().filter(|line| !all[0].contains(line)).cloned().collect();
        if gone.len() == 5 {
            all.iter_mut().for_each(|log| log.retain(|line| !gone.contains(line)));
            let reading = read(&plan, &all);
            assert_eq!(reading.judgement.verdict, Verdict::Pass, "{reading:#?}");
        }
    }
}

#[track_caller]
fn doubtful(plan: &Plan, logs: &[Vec<String>], words: &str) {
    let reading = read(plan, logs);
    assert_eq!((reading.judgement.verdict, kinds(&reading)), (Verdict::Unknown, vec![]));
    let doubts = &reading.judgement.inconclusive;
    assert!(doubts.iter().any(|doubt| doubt == words), "{reading:#?}");
}

#[test]
fn where_the_start_is_a_race_what_others_have_and_one_lacks_is_a_doubt() {
    for mut plan in [plan(&SMALL), levels(&SMALL)] {
        plan.scenario.start = Start::Together;
        let whole = logs(&plan, Play::default());
        let mut logs = whole.clone();
        let first = logs[1].iter().position(|line| line.starts_with("T2 ")).unwrap();
        logs[1].remove(first);
        let words = "C2 lacks 1 line at the beginning of T2 that others logged: it may have \
                     subscribed late";
        doubtful(&plan, &logs, words);
        let mut logs = whole.clone();
        logs[1].retain(|line| !line.starts_with("T1 "));
        doubtful(&plan, &logs, "C2 logged nothing of T1: it may have subscribed late");
        let empty = vec![Vec::new(); 3];
        doubtful(&plan, &empty, "C3 logged nothing of T2: it may have subscribed late");
    }
}

#[test]
fn a_log_with_nothing_of_a_topic_is_one_finding_and_says_so() {
    for plan in [plan(&SMALL), levels(&SMALL)] {
        let mut logs = logs(&plan, Play::default());
        logs[1].retain(|line| !line.starts_with("T1 "));
        let reading = read(&plan, &logs);
        assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 24)]);
        let proofs = &reading.judgement.violations[0].proofs;
        assert_eq!(proofs.len(), 1, "{proofs:#?}");
        assert_eq!(proofs[0].title, "C2 logged nothing of T1, 24 messages missing");
    }
}

#[test]
fn lines_missing_at_one_place_are_said_once() {
    let shape = Shape { topics: 1, producers: 1, consumers: 2, messages: 5, batch: 1 };
    let plan =
        plan_of(&shape, |_, _, number| ["X", "A", "A", "A", "B"][number as usize - 1].to_owned());
    let text = |word: &str| word.chars().map(|c| format!("T1 {c}")).collect::<Vec<_>>();
    let reading = read(&plan, &[text("XAAAB"), text("XAB")]);
    let proof = &reading.judgement.violations[0].proofs[0];
    assert_eq!(proof.title, "C2 logged \"A\" of T1 once, it was sent 3 times: 2 missing");
    let evidence = ["2 missing between lines 1 and 3 of consumer_2.txt, as consumer_1.txt shows"];
    assert_eq!(proof.evidence, evidence);
}

#[test]
fn all_questions_of_a_call_share_one_budget() {
    let plan = levels(&LARGE);
    let mut logs = logs(&plan, Play::default());
    let whole = 40_000_000;
    let left = |logs: &[Vec<String>]| {
        let lines = logs.iter().enumerate().map(|(place, log)| {
            parse(&plan, format!("consumer_{}.txt", place + 1), log.join("\n")).unwrap()
        });
        let lines: Vec<_> = lines.collect();
        let sent = super::Sent::new(&plan, crate::plan::TopicIndex(0));
        let consumers = (0..3).map(crate::plan::ConsumerIndex);
        let ending = super::Ending::default();
        let feed = |c| super::Feed::new(&plan, c, &sent, &lines[c.place()], &ending);
        let feeds: Vec<_> = consumers.map(feed).collect();
        let mut budget = whole;
        let merged = super::compare::merged(&sent, &feeds);
        super::study::judge(&sent, &feeds, merged.as_deref(), &mut budget);
        budget
    };
    let easy = whole - left(&logs);
    assert!(easy > 0 && easy < whole / 2, "{easy}");
    // Far too much is missing of each, and of each something else: none may take more than half of
    // what those before it left.
    for (own, log) in logs.iter_mut().enumerate() {
        let mut place = own * 4;
        log.retain(|_| {
            place += 1;
            place % 12 != 0
        });
        log.rotate_left(own * 3);
    }
    let left = left(&logs);
    assert!(left > 0 && left < whole - easy, "{left}");
}

#[test]
fn bad_lines_name_file_and_line() {
    let plan = plan(&SMALL);
    let words =
        |text: &str| parse(&plan, "c.txt".to_owned(), text.to_owned()).unwrap_err().to_string();
    assert_eq!(
        words("T1 x\n\nT1\n"),
        "c.txt:3: expected a topic and a payload, such as `T1     INFO`, found 1 field"
    );
    assert_eq!(words("T9 x"), "c.txt:1: the scenario has no topic \"T9\", only T1, T2");
    assert!(parse(&plan, "c.txt".to_owned(), " T1\tx \r\n\n".to_owned()).is_ok());
}

#[test]
fn a_byte_order_mark_is_passed_over_and_other_bytes_that_are_no_text_are_named() {
    let plan = plan(&SMALL);
    let lines = parse(&plan, "c.txt".to_owned(), "\u{feff}T1 x\nT2 y\n").unwrap();
    let payloads: Vec<&str> = lines.iter().map(|line| line.payload).collect();
    assert_eq!(payloads, ["x", "y"]);
    let error = parse(&plan, "c.txt".to_owned(), b"T1 x\nT1 \xff\n".to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "c.txt:2: this line is not UTF-8");
}
