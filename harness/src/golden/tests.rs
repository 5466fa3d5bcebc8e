//! [`compare`] in every mode, on real folders.

use std::fs;
use std::path::Path;

use super::*;
use crate::fixture::{self, SMALL, SMALL_LOGS};
use crate::history::{EpochIndex, Session};
use crate::plan::{MessageId, Plan, StreamIndex};

/// A scenario that has a reviewed ledger, and a run that lost a message.
struct Setting {
    folder: tempfile::TempDir,
    plan: Plan,
    complete: String,
    lossy: String,
}

impl Setting {
    fn new() -> Self {
        let (folder, plan) = fixture::plan(SMALL, SMALL_LOGS);
        let lose = |consumer, mut all: Vec<MessageId>| {
            if consumer == 2 {
                all.remove(1);
            }
            all
        };
        let complete = ledger(&plan, &fixture::complete(&plan));
        let lossy = ledger(&plan, &fixture::history(&plan, |consumer, _, all| lose(consumer, all)));
        Self { folder, plan, complete, lossy }
    }

    fn golden(&self) -> PathBuf {
        self.folder.path().join("golden")
    }

    fn accepted(&self) -> PathBuf {
        accepted_path(&self.golden(), "small")
    }

    fn pending(&self) -> PathBuf {
        pending_path(&self.golden(), "small")
    }

    fn compare(&self, ledger: &str, verdict: Verdict, mode: Mode) -> Comparison {
        compare(&self.golden(), &self.plan, ledger, verdict, mode).unwrap()
    }

    /// With the complete ledger reviewed, and a pending file left over from before.
    fn reviewed() -> Self {
        let setting = Self::new();
        setting.compare(&setting.complete, Verdict::Pass, Mode::Always);
        fs::write(setting.pending(), "---\n---\nstale\n").unwrap();
        setting
    }

    fn stale(&self) -> bool {
        fs::read_to_string(self.pending()).is_ok_and(|text| text.ends_with("stale\n"))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_first_ledger_is_pending_in_insta_s_format_until_it_is_accepted() {
    let setting = Setting::new();
    let comparison = setting.compare(&setting.complete, Verdict::Pass, Mode::Pending);
    assert_eq!(comparison, Comparison::New { pending: setting.pending() });
    assert!(!comparison.is_fine());
    assert_eq!(
        fs::read_to_string(setting.pending()).unwrap(),
        format!(
            "---\ndescription: \"small: Two and two\"\ninput_file: scenarios/small.yaml\n---\n{}",
            setting.complete
        )
    );
    let waiting = pending(&setting.golden()).unwrap();
    assert_eq!(waiting.len(), 1);
    let (_, difference) = waiting[0].show().unwrap();
    assert!(difference.lines.iter().all(|line| line.side == Side::New));
    waiting[0].accept().unwrap();
    let comparison = setting.compare(&setting.complete, Verdict::Pass, Mode::Pending);
    assert_eq!(comparison, Comparison::Match);
    assert_eq!(names(&setting.golden()), ["small.snap"]);
}

#[test]
fn insta_itself_reads_what_is_written() {
    let setting = Setting::new();
    setting.compare(&setting.complete, Verdict::Pass, Mode::Pending);
    let snapshot = insta::Snapshot::from_file(&setting.pending()).unwrap();
    assert_eq!(snapshot.as_text().unwrap().to_string(), setting.complete.trim_end());
    assert_eq!(snapshot.metadata().description(), Some("small: Two and two"));
    assert_eq!(snapshot.metadata().input_file(), Some("scenarios/small.yaml"));
    assert_eq!(snapshot.metadata().source(), None);
}

#[test]
fn a_match_removes_a_stale_pending_file_but_where_nothing_is_written() {
    for mode in [Mode::Pending, Mode::Unseen, Mode::Always, Mode::Force] {
        let setting = Setting::reviewed();
        let comparison = setting.compare(&setting.complete, Verdict::Pass, mode);
        assert_eq!(comparison, Comparison::Match);
        assert_eq!(names(&setting.golden()), ["small.snap"], "{mode:?}");
    }
    let setting = Setting::reviewed();
    setting.compare(&setting.complete, Verdict::Pass, Mode::Nothing);
    assert!(setting.stale());
}

#[test]
fn a_lost_message_is_a_difference_that_names_it() {
    let setting = Setting::reviewed();
    let comparison = setting.compare(&setting.lossy, Verdict::Pass, Mode::Pending);
    let Comparison::Different { difference, pending, .. } = &comparison else {
        panic!("{comparison:?}");
    };
    assert!(!comparison.is_fine());
    assert_eq!(pending.as_deref(), Some(&*setting.pending()));
    assert!(!setting.stale());
    let text = difference.to_text();
    let of_c2: Vec<_> = text.lines().filter(|line| line.starts_with("+ C2")).collect();
    assert_eq!(of_c2.len(), 1, "{text}");
    assert!(of_c2[0].starts_with("+ C2     T1  5  P1 1 3  "), "{text}");
    let reviewed = Golden::read(&setting.accepted()).unwrap().unwrap();
    assert!(reviewed.says(&setting.complete), "the reviewed file stays as it was");
}

#[test]
fn where_nothing_may_be_written_missing_and_different_both_fail() {
    let setting = Setting::new();
    let comparison = setting.compare(&setting.complete, Verdict::Pass, Mode::Nothing);
    assert_eq!(comparison, Comparison::Missing { accepted: setting.accepted() });
    assert!(!comparison.is_fine());
    assert!(!setting.golden().exists());

    let setting = Setting::reviewed();
    let comparison = setting.compare(&setting.lossy, Verdict::Pass, Mode::Nothing);
    assert!(matches!(comparison, Comparison::Different { pending: None, .. }));
    assert!(setting.stale());
}

#[test]
fn always_and_force_accept_whatever_passed() {
    for mode in [Mode::Always, Mode::Force] {
        let setting = Setting::reviewed();
        let comparison = setting.compare(&setting.lossy, Verdict::Pass, mode);
        assert_eq!(comparison, Comparison::Accepted { accepted: setting.accepted() });
        assert!(comparison.is_fine());
        let now = Golden::read(&setting.accepted()).unwrap().unwrap();
        assert!(now.says(&setting.lossy));
        assert_eq!(names(&setting.golden()), ["small.snap"]);
    }
}

#[test]
fn unseen_accepts_a_first_ledger_and_proposes_a_changed_one() {
    let setting = Setting::new();
    let comparison = setting.compare(&setting.complete, Verdict::Pass, Mode::Unseen);
    assert_eq!(comparison, Comparison::Accepted { accepted: setting.accepted() });
    let comparison = setting.compare(&setting.lossy, Verdict::Pass, Mode::Unseen);
    assert!(matches!(comparison, Comparison::Different { pending: Some(_), .. }));
}

#[test]
fn force_writes_a_matching_file_anew_and_always_leaves_it() {
    for (mode, keeps) in [(Mode::Always, true), (Mode::Force, false)] {
        let setting = Setting::new();
        fs::create_dir(setting.golden()).unwrap();
        let text = format!("---\nsource: golden/golden.rs\n---\n{}", setting.complete);
        fs::write(setting.accepted(), text).unwrap();
        assert_eq!(setting.compare(&setting.complete, Verdict::Pass, mode), Comparison::Match);
        let now = fs::read_to_string(setting.accepted()).unwrap();
        assert_eq!(now.contains("source:"), keeps, "{mode:?}");
    }
}

#[test]
fn a_run_that_did_not_pass_writes_nothing_in_any_mode() {
    for mode in [Mode::Pending, Mode::Nothing, Mode::Unseen, Mode::Always, Mode::Force] {
        let setting = Setting::new();
        let skipped = setting.compare(&setting.lossy, Verdict::Fail, mode);
        assert_eq!(skipped, Comparison::Skipped(Skipped::Failed));
        let skipped = setting.compare(&setting.lossy, Verdict::Unknown, mode);
        assert_eq!(skipped, Comparison::Skipped(Skipped::NoVerdict));
        assert!(!setting.golden().exists(), "{mode:?}");

        let setting = Setting::reviewed();
        let comparison = setting.compare(&setting.lossy, Verdict::Fail, mode);
        assert!(matches!(comparison, Comparison::Different { pending: None, .. }), "{mode:?}");
        let comparison = setting.compare(&setting.complete, Verdict::Fail, mode);
        assert_eq!(comparison, Comparison::Match);
        let reviewed = Golden::read(&setting.accepted()).unwrap().unwrap();
        assert!(setting.stale() && reviewed.says(&setting.complete), "{mode:?}");
    }
}

#[test]
fn a_scenario_that_wants_no_golden_has_none() {
    let (folder, plan) = fixture::plan(&format!("{SMALL}golden: none\n"), SMALL_LOGS);
    let golden = folder.path().join("golden");
    let comparison = compare(&golden, &plan, "ledger 1", Verdict::Pass, Mode::Always).unwrap();
    assert_eq!(comparison, Comparison::Skipped(Skipped::NotWanted));
    assert!(!golden.exists());
}

#[test]
fn under_faults_a_run_on_the_original_routes_is_not_compared_where_the_plan_cannot_know() {
    let faults = "faults: [ { every: 100ms, cut: P1, for: 5ms } ]\n";
    let cases = [
        ("", "", true),
        (faults, "", false),
        ("network: { lose_response: 1% }\n", "", false),
        (faults, "broker: { driver: original }\n", true),
        (faults, "expect: { order: none }\n", true),
    ];
    for (faults, more, compares) in cases {
        let (folder, plan) = fixture::plan(&format!("{SMALL}{faults}{more}"), SMALL_LOGS);
        let golden = folder.path().join("golden");
        let mut history = fixture::complete(&plan);
        let compare = |history: &History| {
            compare_run(&golden, &plan, history, Verdict::Pass, Mode::Always).unwrap()
        };
        let session = |epoch| Session {
            incarnation: 0,
            stream: StreamIndex(0),
            broker: 1,
            id: Some(String::from("1")),
            epoch,
            base: 0,
            invoked: fixture::moment(0),
            confirmed: fixture::moment(0),
        };
        history.producers[0].sessions = vec![session(None)];
        let original = compare(&history);
        assert_eq!(original != Comparison::Skipped(Skipped::OriginalWire), compares, "{more}");
        assert_eq!(golden.exists(), compares, "nothing is written: {more}");
        history.producers[0].sessions = vec![session(Some(EpochIndex(0)))];
        let ours = compare(&history);
        let expected = if compares {
            Comparison::Match
        } else {
            Comparison::Accepted { accepted: accepted_path(&golden, "small") }
        };
        assert_eq!(ours, expected, "{more}");
    }
}

#[test]
fn a_golden_file_with_a_merge_conflict_is_an_error_and_stays() {
    let setting = Setting::reviewed();
    fs::write(setting.accepted(), "<<<<<<< HEAD\n---\n").unwrap();
    let golden = setting.golden();
    let answer = compare(&golden, &setting.plan, &setting.complete, Verdict::Pass, Mode::Pending);
    let error = answer.unwrap_err().to_string();
    assert!(error.contains("small.snap is no golden file"), "{error}");
    assert_eq!(fs::read_to_string(setting.accepted()).unwrap(), "<<<<<<< HEAD\n---\n");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let setting = Setting::new();
    // A file where the folder should be: unlike permissions, it stops root too.
    fs::write(setting.golden(), "").unwrap();
    let golden = setting.golden();
    let answer = compare(&golden, &setting.plan, &setting.complete, Verdict::Pass, Mode::Pending);
    let error = answer.unwrap_err().to_string();
    assert!(error.contains(&golden.display().to_string()), "{error}");
    assert!(error.contains("--golden DIR"), "{error}");
}
