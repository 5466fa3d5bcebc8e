//! `require: forgotten >= 1`, and faults that met nothing.

use super::*;

/// A sound run with power cuts that forgot so much each, and what is required of them.
fn cuts(each: &[(u64, u64)], at_least: u64) -> (Plan, History) {
    let (mut plan, mut history) = sound(&LONG, calm(41));
    let firings = each.iter().map(|(bytes, noise)| ((100, 120), forgot(*bytes, *noise)));
    fire(&mut plan, &mut history, POWER, firings.collect());
    plan.scenario.require = vec![Requirement { counter: Counter::Forgotten, at_least }];
    (plan, history)
}

fn vacuous(plan: &Plan, history: &History) -> Vec<String> {
    let judgement = judge(plan, history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{judgement:#?}");
    assert!(judgement.inconclusive.iter().all(|why| crate::check::is_vacuous(why)));
    judgement.inconclusive
}

const FAULT: &str = "the fault `{ at: 1s, power: storage }` (scenarios/test.yaml:9)";

#[test]
fn a_cut_that_forgot_what_is_required_is_enough() {
    let (plan, history) = cuts(&[(1, 0)], 1);
    check(&plan, &history, &[]);
    // One of several firings is.
    let (plan, history) = cuts(&[(0, 7), (900, 0), (5, 0)], 900);
    check(&plan, &history, &[]);
}

#[test]
fn a_cut_that_forgot_less_is_vacuous_and_says_how_much() {
    let required = "vacuous: the scenario requires at least";
    let (plan, history) = cuts(&[(0, 0)], 1);
    let said = format!("{required} 1 forgotten byte, and {FAULT} forgot 0 bytes");
    assert_eq!(vacuous(&plan, &history), [said]);
    let (plan, history) = cuts(&[(0, 812)], 1);
    let said = format!(
        "{required} 1 forgotten byte, and {FAULT} forgot 0 bytes, and 812 of files that the server \
         does not need"
    );
    assert_eq!(vacuous(&plan, &history), [said]);
    let (plan, history) = cuts(&[(3, 0), (1_999, 0)], 2_000);
    let said = format!("{required} 2,000 forgotten bytes, and {FAULT} forgot 1,999 bytes");
    assert_eq!(vacuous(&plan, &history), [said]);
}

#[test]
fn a_cut_of_which_nothing_is_told_is_vacuous() {
    let (plan, mut history) = cuts(&[(7, 0)], 1);
    history.faults[0].on_disk = None;
    let said = vacuous(&plan, &history);
    assert!(said[0].ends_with("forgot what the history does not tell"), "{said:?}");
    history.faults.clear();
    assert_eq!(vacuous(&plan, &history), [format!("vacuous: {FAULT} never fired")]);
}

#[test]
fn each_power_fault_has_to_forget_it_and_no_other_kind() {
    let (mut plan, mut history) = cuts(&[(7, 0)], 1);
    fire(&mut plan, &mut history, FULL, vec![((200, 220), OnDisk::default())]);
    check(&plan, &history, &[]);
    fire(&mut plan, &mut history, POWER, vec![((300, 320), forgot(0, 0))]);
    assert_eq!(vacuous(&plan, &history).len(), 1);
}

#[test]
fn a_backlog_is_asked_of_what_ends_a_server_only() {
    // All is acked by stamp 13, and comes after 1000.
    let case = Case::new(1, 1, 2).in_turn(&["P1#1", "P1#2"]).gets(1, "P1#1@0 P1#2@1");
    let mut case = case.with(FULL, (1, 2), OnDisk::default());
    case.plan.scenario.require = vec![Requirement { counter: Counter::Backlog, at_least: 2 }];
    // The only fault there is has to meet it.
    assert!(vacuous(&case.plan, &case.history)[0].contains("disk_full: storage"));
    let case = case.with(POWER, (100, 120), forgot(1, 0));
    case.finds(&[]);
    let case = case.with(ROT, (1_100, 1_120), OnDisk::default());
    let said = vacuous(&case.plan, &case.history);
    assert!(said.len() == 1 && said[0].contains("rot: storage") && said[0].ends_with("met 0"));
}

#[test]
fn what_met_nothing_is_vacuous_in_the_words_of_its_kind() {
    let second = std::time::Duration::from_secs(1);
    let fail = StorageFault::FailSync { count: 1, then: AfterFailedSync::Drop };
    for (fault, why) in [
        (POWER, "met no traffic"),
        (ROT, "found no acked message on the disk"),
        (FULL, "refused nothing"),
        (StorageFault::Slow { fsync: second, write: second }, "held nothing up"),
        (fail, "met no sync that it could fail"),
    ] {
        let (mut plan, mut history) = sound(&LONG, calm(41));
        fire(&mut plan, &mut history, fault, vec![((1, 2), OnDisk::default())]);
        check(&plan, &history, &[]);
        history.faults[0].met = 0;
        let said = vacuous(&plan, &history);
        assert!(said.len() == 1 && said[0].ends_with(why), "{said:?}");
    }
}
