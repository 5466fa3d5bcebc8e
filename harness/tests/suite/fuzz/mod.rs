//! Histories at random, right ones and ones that are wrong in known ways, judged by the checks and
//! by a second, naive judge: no disagreement.
//!
//! `HARNESS_FUZZ_CASES` says how many cases (for hours by hand: `ci/fuzz.sh`), `HARNESS_FUZZ_SEED`
//! the first one's seed. A disagreement is printed with its seed.

mod chance;
mod mutate;
mod naive;
mod world;

use std::fmt::Write as _;

use harness::check::{Judgement, Verdict};
use harness::history::History;
use harness::plan::Plan;
use harness::scenario::AnomalyKind;

use chance::Chance;
use naive::{Count, Judged};

/// Some seconds of it.
const CASES: u64 = 5_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn the_checks_and_a_naive_judge_agree() {
    let (seed, cases) = (number("HARNESS_FUZZ_SEED", 0), number("HARNESS_FUZZ_CASES", CASES));
    let mut failed = 0;
    let mut shown = String::new();
    let mut verdicts = [0_u64; 3];
    for seed in seed..seed + cases {
        match case(seed) {
            Ok(verdict) => verdicts[verdict as usize] += 1,
            Err(words) => {
                failed += 1;
                if failed <= number("HARNESS_FUZZ_SHOWN", 3) {
                    writeln!(shown, "{words}").unwrap();
                }
            }
        }
    }
    println!("{cases} cases: pass, fail, unknown: {verdicts:?}");
    assert_eq!(
        failed, 0,
        "of {cases} cases the two judge {failed} differently; the first:\n{shown}"
    );
    // One seed alone is run to look into it.
    assert!(cases < 100 || verdicts.iter().all(|count| *count > 0), "{verdicts:?}");
}

/// One plan with a right history that is then made wrong in up to three ways.
fn case(seed: u64) -> Result<Verdict, String> {
    let mut chance = Chance::new(seed);
    let plan = world::plan(&mut chance);
    let mut history = world::history(&plan, &mut chance);
    let mut done = Vec::new();
    let (mut judgement, mut wrong) = compare(&plan, &history);
    if !judgement.violations.is_empty() {
        wrong.push("a right history fails".to_owned());
    }
    if wrong.is_empty() {
        for _ in 0..chance.below(4) {
            let (words, way) = chance.of(mutate::WAYS).unwrap();
            way(&plan, &mut history, &mut chance);
            done.push(words);
        }
        (judgement, wrong) = compare(&plan, &history);
    }
    if wrong.is_empty() {
        return Ok(judgement.verdict);
    }
    let again = format!("HARNESS_FUZZ_SEED={seed} HARNESS_FUZZ_CASES=1");
    let title = format!("seed {seed} ({again}), {done:?}:\n  {}\n", wrong.join("\n  "));
    Err(title + &described(&plan, &history, &judgement))
}

/// What the checks say, and where the naive judge says something else.
fn compare(plan: &Plan, history: &History) -> (Judgement, Vec<String>) {
    let judgement = harness::check::judge(plan, history);
    let wrong = disagreements(&judgement, &naive::judge(plan, history));
    (judgement, wrong)
}

/// What the checks found, and the history without empty polls, which say nothing here.
fn described(plan: &Plan, history: &History, judgement: &Judgement) -> String {
    let mut words = String::new();
    writeln!(words, "  {:?}", plan.scenario.expect).unwrap();
    for finding in judgement.violations.iter().chain(&judgement.allowed) {
        for proof in &finding.proofs {
            writeln!(words, "  {}: {}", finding.kind.as_str(), proof.title).unwrap();
        }
    }
    writeln!(words, "  {:?}", judgement.inconclusive).unwrap();
    let mut lines = Vec::new();
    harness::history::json::write(plan, history, &mut lines).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let lines = text.lines().filter(|line| !line.contains(r#""delivered":[]"#));
    words.extend(lines.flat_map(|line| [line, "\n"]));
    words
}

/// The kinds that are always about what one consumer got, so that every one of them has its share.
const SHARED: [AnomalyKind; 8] = [
    AnomalyKind::Lost,
    AnomalyKind::Reordered,
    AnomalyKind::Divergent,
    AnomalyKind::Phantom,
    AnomalyKind::Resurrected,
    AnomalyKind::Corrupted,
    AnomalyKind::Misrouted,
    AnomalyKind::Early,
];

/// What the shares of consumers add up to is what was found, but for what is the log's own: a message
/// that stands there twice and that nobody got twice.
fn wrong_shares(judgement: &Judgement) -> Vec<String> {
    let mut wrong = Vec::new();
    for finding in judgement.violations.iter().chain(&judgement.allowed) {
        let shared: u64 = finding.by_share.values().sum();
        let in_logs = finding.proofs.iter().filter(|proof| proof.consumer.is_none()).count() as u64;
        let fits = if SHARED.contains(&finding.kind) {
            shared == finding.count
        } else if finding.kind == AnomalyKind::Duplicate {
            // Each has a proof of its own, as far as there is room.
            let all_shown = finding.proofs.len() as u64 == finding.count;
            if all_shown { shared + in_logs == finding.count } else { shared <= finding.count }
        } else {
            shared == 0
        };
        if !fits {
            wrong.push(format!("{}: {} and shares {shared}", finding.kind.as_str(), finding.count));
        }
    }
    wrong
}

fn disagreements(judgement: &Judgement, naive: &Judged) -> Vec<String> {
    let mut wrong = wrong_shares(judgement);
    for kind in AnomalyKind::ALL {
        if naive.open.contains(&kind) {
            continue;
        }
        let found: u64 = judgement.found(kind).map(|finding| finding.count).sum();
        let agrees = match naive.found.get(&kind) {
            None => found == 0,
            Some(Count::Exactly(count)) => found == *count,
            Some(Count::Some) => found > 0,
        };
        if !agrees {
            wrong.push(format!("{}: {found}, naive {:?}", kind.as_str(), naive.found.get(&kind)));
        }
    }
    let not_in_log: u64 = judgement.found(AnomalyKind::Lost).map(|own| own.not_in_log).sum();
    if not_in_log != naive.not_in_log {
        wrong.push(format!("not in the log: {not_in_log}, naive {}", naive.not_in_log));
    }
    if naive.wrong && judgement.verdict != Verdict::Fail {
        wrong
            .push(format!("verdict {:?}, naive: an ack contradicts a delivery", judgement.verdict));
    }
    // Where something is open, only a violation that both see is sure.
    if naive.open.is_empty() && judgement.verdict != naive.verdict() {
        wrong.push(format!("verdict {:?}, naive {:?}", judgement.verdict, naive.verdict()));
    }
    wrong
}
