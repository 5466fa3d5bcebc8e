//! Whole reports as texts, from entries made by hand.

mod on_disk;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::check::{Anomaly, Finding, Judgement, Origin, Verdict};
use crate::exit::Exit;
use crate::figures::summarise;
use crate::fixture::{self, SMALL, SMALL_LOGS};
use crate::golden::{Comparison, Difference};
use crate::plan::{ConsumerIndex, MessageId, TopicIndex};
use crate::scenario::AnomalyKind;

fn judgement(verdict: Verdict) -> Judgement {
    Judgement { verdict, violations: Vec::new(), allowed: Vec::new(), inconclusive: Vec::new() }
}

/// A plain pass, with every path as a user would have it.
fn passed() -> Entry {
    let (_folder, plan) = fixture::plan(SMALL, SMALL_LOGS);
    let mut entry = Entry::new(&plan.scenario);
    entry.file = PathBuf::from("scenarios/small.yaml");
    entry.duration = Duration::from_millis(213);
    entry.summary = Some(summarise(&plan, &fixture::complete(&plan)));
    entry.judgement = Some(judgement(Verdict::Pass));
    entry.golden = Some(Comparison::Match);
    entry.logs = Some(PathBuf::from("out/small"));
    entry.reproduce = Some(String::from("harness run scenarios/small.yaml"));
    entry.accept = Some(String::from("harness accept small"));
    entry
}

/// C2 did not get P1#2, as the proof says with every character that some format must escape.
fn lost() -> Entry {
    let (_folder, plan) = fixture::plan(SMALL, SMALL_LOGS);
    let mut failed = judgement(Verdict::Fail);
    let title = String::from("C2 never got P1#2 (T1 number 2, p1.txt:2)");
    let consumer = Some(ConsumerIndex(1));
    let mut anomaly = Anomaly::new(&plan, TopicIndex(0), consumer, &[MessageId(1)], title);
    anomaly.evidence = vec![String::from("acked at 3.00 ms, 100% sure: <offset 1>")];
    anomaly.origin = Some(Origin { file: String::from("scenarios/p1.txt"), line: 2 });
    failed.violations.push(Finding {
        kind: AnomalyKind::Lost,
        count: 1,
        possible: 0,
        not_in_log: 0,
        blames: None,
        traces: None,
        does_not_start: false,
        by_share: Default::default(),
        proofs: vec![anomaly],
    });
    let lose = |consumer, mut all: Vec<MessageId>| {
        if consumer == 2 {
            all.remove(1);
        }
        all
    };
    let history = fixture::history(&plan, |consumer, _, all| lose(consumer, all));
    let mut entry = passed();
    entry.summary = Some(summarise(&plan, &history));
    entry.judgement = Some(failed);
    entry.golden = Some(Comparison::Different {
        accepted: PathBuf::from("golden/small.snap"),
        difference: Difference::between(
            "C1 C2  T1  6  P1 1..3",
            "C1     T1  6  P1 1..3\nC2     T1  5  P1 1 3",
        ),
        pending: None,
    });
    entry
}

fn environment() -> Environment {
    Environment {
        started: String::from("2026-11-27T07:00:00Z"),
        cores: 2,
        memory_bytes: 4096,
        os: String::from("Linux 6.18.0 x86_64"),
        version: "0.1.0",
        commit: Some("0123456789ab"),
        features: vec!["nats"],
        command: String::from("harness run scenarios/small.yaml"),
    }
}

fn check(
    write: impl Fn(&Report, &mut dyn Write) -> io::Result<()>,
    entries: Vec<Entry>,
    expected: &str,
) {
    let (duration, environment) = (Duration::from_millis(450), environment());
    let report = Report { entries, duration, environment, ..Report::default() };
    let mut text = Vec::new();
    write(&report, &mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), expected.trim_start_matches('\n'));
}

fn terminal(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    for entry in &report.entries {
        terminal::entry(entry, terminal::Style::default(), to)?;
    }
    terminal::end(report, terminal::Style::default(), to)
}

#[test]
fn on_a_terminal_a_pass_is_one_compact_block() {
    check(
        terminal,
        vec![passed()],
        "
PASS  small  213 ms  golden ok
      2 producers, 2 consumers, 1 topic  sent 6  delivered 12  706/s
      ack p50 1.00 ms p99 1.00 ms  end to end p50 11.0 ms p99 17.0 ms
",
    );
}

#[test]
fn on_a_terminal_a_failure_leads_with_the_answer_and_ends_with_the_way_to_repeat_it() {
    check(
        terminal,
        vec![passed(), lost()],
        "
PASS  small  213 ms  golden ok
      2 producers, 2 consumers, 1 topic  sent 6  delivered 12  706/s
      ack p50 1.00 ms p99 1.00 ms  end to end p50 11.0 ms p99 17.0 ms
FAIL  small  1 delivery of an acknowledged message never came
      2 producers, 2 consumers, 1 topic  sent 6  delivered 11 of 12  647/s
      ack p50 1.00 ms p99 1.00 ms  end to end p50 11.0 ms p99 17.0 ms

      lost  1 delivery of an acknowledged message never came
        C2 never got P1#2 (T1 number 2, p1.txt:2)
          acked at 3.00 ms, 100% sure: <offset 1>

      the ledger differs too, from golden/small.snap
      - C1 C2  T1  6  P1 1..3
      + C1     T1  6  P1 1..3
      + C2     T1  5  P1 1 3

      logs       out/small
      reproduce  harness run scenarios/small.yaml

2 scenarios: 1 passed, 1 failed  in 450 ms
",
    );
}

#[test]
fn on_a_terminal_a_new_golden_says_how_to_accept_it() {
    let mut entry = passed();
    entry.summary = None;
    entry.golden = Some(Comparison::New { pending: PathBuf::from("golden/small.snap.new") });
    check(
        terminal,
        vec![entry],
        "
NEW   small  all checks passed, but its golden file is new and waits for review

      golden     golden/small.snap.new

      logs       out/small
      look       harness review small
      accept     harness accept small
      reproduce  harness run scenarios/small.yaml
",
    );
}

#[test]
fn on_a_terminal_no_verdict_says_why() {
    let mut entry = passed();
    entry.summary = None;
    entry.golden = None;
    entry.judgement = Some(Judgement {
        verdict: Verdict::Unknown,
        violations: Vec::new(),
        allowed: Vec::new(),
        inconclusive: vec![String::from("P1#2 was not acked")],
    });
    let unreachable = String::from("http://127.0.0.1:1 does not answer\nis it running?");
    let mut stopped = Entry::failed(Path::new("scenarios/b.yaml"), Exit::NoVerdict, unreachable);
    stopped.reproduce = None;
    check(
        terminal,
        vec![entry, stopped],
        "
????  small  no verdict: P1#2 was not acked

      logs       out/small
      reproduce  harness run scenarios/small.yaml
????  b  http://127.0.0.1:1 does not answer
      is it running?

2 scenarios: 2 without a verdict  in 450 ms
",
    );
}

#[test]
fn colour_is_for_terminals_without_no_color() {
    let style = |terminal, set: Option<&'static str>| {
        let read = move |name: &str| set.filter(|_| name == "NO_COLOR").map(str::to_owned);
        terminal::Style::new(terminal, read).colour
    };
    assert!(style(true, None));
    assert!(style(true, Some("")), "as no-color.org says, only a value counts");
    assert!(!style(true, Some("1")));
    assert!(!style(false, None));
}

#[test]
fn github_gets_an_annotation_a_violation_with_its_escapes() {
    check(
        github::write,
        vec![passed(), lost()],
        "
::error file=scenarios/p1.txt,line=2,title=small%3A lost::C2 never got P1#2 (T1 number 2, p1.txt:2)%0Aacked at 3.00 ms, 100%25 sure: <offset 1>%0Aharness run scenarios/small.yaml
::error file=scenarios/small.yaml,title=small%3A golden::the ledger differs from golden/small.snap%0A- C1 C2  T1  6  P1 1..3%0A+ C1     T1  6  P1 1..3%0A+ C2     T1  5  P1 1 3
",
    );
    let text = String::from("unknown key\r\n 5% of a, b");
    let bad = Entry::failed(Path::new("a:b,c.yaml"), Exit::Usage, text);
    check(
        github::write,
        vec![bad],
        "::error file=a%3Ab%2Cc.yaml,title=a%3Ab%2Cc::unknown key%0D%0A 5%25 of a, b\n",
    );
}

#[test]
fn junit_has_a_case_a_scenario() {
    let bad = Entry::failed(Path::new("bad.yaml"), Exit::Usage, String::from("unknown key"));
    check(junit::write, vec![passed(), lost(), bad], JUNIT);
}

const JUNIT: &str = r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="harness" tests="3" skipped="0" failures="1" errors="1" time="0.450">
    <testsuite name="scenarios" tests="3" skipped="0" errors="1" failures="1" time="0.450">
        <testcase name="small" classname="scenarios" time="0.213" file="scenarios/small.yaml"/>
        <testcase name="small" classname="scenarios" time="0.213" file="scenarios/small.yaml">
            <failure message="1 delivery of an acknowledged message never came" type="lost">FAIL  small  1 delivery of an acknowledged message never came
      2 producers, 2 consumers, 1 topic  sent 6  delivered 11 of 12  647/s
      ack p50 1.00 ms p99 1.00 ms  end to end p50 11.0 ms p99 17.0 ms

      lost  1 delivery of an acknowledged message never came
        C2 never got P1#2 (T1 number 2, p1.txt:2)
          acked at 3.00 ms, 100% sure: &lt;offset 1&gt;

      the ledger differs too, from golden/small.snap
      - C1 C2  T1  6  P1 1..3
      + C1     T1  6  P1 1..3
      + C2     T1  5  P1 1 3

      logs       out/small
      reproduce  harness run scenarios/small.yaml
</failure>
        </testcase>
        <testcase name="bad" classname="scenarios" time="0.000" file="bad.yaml">
            <error message="unknown key" type="invalid scenario">BAD   bad  unknown key
</error>
        </testcase>
    </testsuite>
</testsuites>
"#;

#[test]
fn json_is_versioned_and_whole() {
    let expected = JSON.replace("VERSION", env!("CARGO_PKG_VERSION"));
    check(json::write, vec![lost()], &expected);
}

const JSON: &str = r##"
{
  "report": 1,
  "harness": "VERSION",
  "exit": 1,
  "duration_ns": 450000000,
  "environment": {
    "started": "2026-11-27T07:00:00Z",
    "cores": 2,
    "memory_bytes": 4096,
    "os": "Linux 6.18.0 x86_64",
    "version": "0.1.0",
    "commit": "0123456789ab",
    "features": [
      "nats"
    ],
    "command": "harness run scenarios/small.yaml"
  },
  "skipped": 0,
  "scenarios": [
    {
      "name": "small",
      "file": "scenarios/small.yaml",
      "description": "Two and two",
      "result": "failed",
      "exit": 1,
      "answer": "1 delivery of an acknowledged message never came",
      "seed": 1,
      "on": "memory",
      "driver": "detect",
      "brokers": 1,
      "duration_ns": 213000000,
      "summary": {
        "producers": 2,
        "consumers": 2,
        "topics": 1,
        "planned": 6,
        "sent": 6,
        "acked": 6,
        "refused": 0,
        "never_left": 0,
        "unknown": 0,
        "retries": 0,
        "expected": 12,
        "delivered": 11,
        "faults": [],
        "active_ns": 17000000,
        "ack": {
          "count": 6,
          "p50_ns": 1000000,
          "p90_ns": 1000000,
          "p95_ns": 1000000,
          "p99_ns": 1000000,
          "p99_9_ns": 1000000,
          "max_ns": 1000000,
          "mean_ns": 1000000
        },
        "end_to_end": {
          "count": 11,
          "p50_ns": 11000000,
          "p90_ns": 17000000,
          "p95_ns": 17000000,
          "p99_ns": 17000000,
          "p99_9_ns": 17000000,
          "max_ns": 17000000,
          "mean_ns": 11727272
        }
      },
      "judgement": {
        "verdict": "fail",
        "violations": [
          {
            "kind": "lost",
            "count": 1,
            "possible": 0,
            "proofs": [
              {
                "topic": "T1",
                "consumer": "C2",
                "messages": [
                  "P1#2"
                ],
                "message_count": 1,
                "file": "scenarios/p1.txt",
                "line": 2,
                "title": "C2 never got P1#2 (T1 number 2, p1.txt:2)",
                "evidence": [
                  "acked at 3.00 ms, 100% sure: <offset 1>"
                ]
              }
            ]
          }
        ],
        "allowed": [],
        "doubts": []
      },
      "golden": {
        "status": "different",
        "accepted": "golden/small.snap",
        "difference": [
          "- C1 C2  T1  6  P1 1..3",
          "+ C1     T1  6  P1 1..3",
          "+ C2     T1  5  P1 1 3"
        ]
      },
      "logs": "out/small",
      "reproduce": "harness run scenarios/small.yaml"
    }
  ]
}
"##;

/// What is long in the report for programs is of one size whatever the run's length, and stands on a
/// line.
#[test]
fn the_json_of_a_run_does_not_grow_with_its_length() {
    let written = |messages: u32| {
        let yaml = format!(
            "topics: {{ T1: P1..P3 -> C1 C2, T2: P1..P3 -> C1 }}\n\
             producers: {{ all: {{ generate: {{ messages: {messages}, size: 4 }} }} }}\n"
        );
        let (_folder, plan) = fixture::plan(&yaml, &[]);
        let history = fixture::complete(&plan);
        let judgement = crate::check::judge(&plan, &history);
        let (summary, figures) = crate::figures::measure(&plan, &history, &judgement);
        assert_eq!(summary.sent, 3 * u64::from(messages));
        let (summary, figures, judgement) = (Some(summary), Some(figures), Some(judgement));
        let entry = Entry { summary, figures, judgement, ..passed() };
        let mut text = Vec::new();
        json::write(&Report { entries: vec![entry], ..Report::default() }, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    let (short, long) = (written(300), written(30_000));
    // The values have more digits, and that is all.
    assert!(long.len() < short.len() * 2, "{} and {}", short.len(), long.len());
    assert_eq!(long.lines().count(), short.lines().count());
}

#[test]
fn of_many_runs_that_pass_the_first_keep_their_figures() {
    let figures = |turn, entry: Entry| {
        let mut entry = Entry { turn, figures: Some(Default::default()), ..entry };
        entry.forget_figures();
        entry.figures.is_some()
    };
    assert!(figures(0, passed()) && figures(50, passed()) && !figures(51, passed()));
    assert!(figures(10_000, lost()));
}

#[test]
fn the_exit_code_is_that_of_the_gravest_entry() {
    let exit = |entries| Report { entries, ..Report::default() }.exit();
    assert_eq!(exit(vec![]), Exit::NothingSelected);
    assert_eq!(exit(vec![passed()]), Exit::Passed);
    assert_eq!(exit(vec![passed(), lost()]), Exit::Failed);
    let with = |change: &dyn Fn(&mut Entry)| {
        let mut entry = passed();
        change(&mut entry);
        entry.exit()
    };
    let missing = || Comparison::Missing { accepted: PathBuf::from("golden/small.snap") };
    assert_eq!(with(&|entry| entry.golden = Some(missing())), Exit::Failed);
    assert_eq!(with(&|entry| entry.judgement = None), Exit::NoVerdict);
    assert_eq!(with(&|entry| entry.interrupted = true), Exit::Interrupted);
    let usage = || Some(Trouble { exit: Exit::Usage, text: String::from("a typo") });
    assert_eq!(with(&|entry| (entry.trouble, entry.judgement) = (usage(), None)), Exit::Usage);
}

#[test]
fn what_a_run_was_on_is_said_unless_it_is_the_usual() {
    let place = |word: Option<&str>, brokers| {
        let on = word.map(|word| On { word: word.to_owned(), ..On::default() });
        let entry = Entry { on, brokers, ..passed() };
        (sentence::place(&entry), terminal::plain(&entry).lines().next().map(str::to_owned))
    };
    let usual = "PASS  small  213 ms  golden ok".to_owned();
    assert_eq!(place(Some("memory"), Some(1)), (None, Some(usual.clone())));
    assert_eq!(place(None, Some(1)), (None, Some(usual)));
    assert_eq!(place(None, Some(2)).0.unwrap(), "on 2 brokers");
    assert_eq!(place(Some("mysql"), Some(1)).0.unwrap(), "on mysql, 1 broker");
    let (place, line) = place(Some("mysql"), Some(3));
    assert_eq!(place.unwrap(), "on mysql, 3 brokers");
    assert_eq!(line.unwrap(), "PASS  small  213 ms  on mysql, 3 brokers  golden ok");
}

#[test]
fn the_last_words_of_a_program_are_the_cause_where_nothing_follows() {
    let mut entry = passed();
    (entry.judgement, entry.golden) = (None, None);
    let text = "the broker ended with exit code 3; it wrote last:\n    one\n    two\nmore";
    entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: text.to_owned() });
    let cause = "the broker ended with exit code 3; it wrote last: two";
    assert_eq!(sentence::cause(&entry), cause);
    let mut junit = Vec::new();
    let report = Report { entries: vec![entry], ..Report::default() };
    junit::write(&report, &mut junit).unwrap();
    assert!(String::from_utf8(junit).unwrap().contains(&format!("message=\"{cause}\"")));
    assert_eq!(sentence::cause(&passed()), sentence::sentence(&passed()));
}

#[test]
fn of_many_reasons_the_first_are_told_and_the_rest_counted() {
    let mut unknown = judgement(Verdict::Unknown);
    unknown.inconclusive = (1..=100).map(|place| format!("reason {place} of many")).collect();
    let entry = Entry { judgement: Some(unknown), ..passed() };
    let text = terminal::plain(&entry);
    assert!(text.contains("unknown  reason 5 of many"), "{text}");
    assert!(!text.contains("reason 6 of many"), "{text}");
    assert!(text.contains("and 95 more reasons"), "{text}");
}
