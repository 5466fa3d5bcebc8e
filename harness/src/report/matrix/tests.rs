//! Whole tables as texts, from entries made by hand.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::check::{Finding, Judgement, Keep, Verdict};
use crate::figures::Summary;
use crate::figures::summary::{Fault, OnDisk};
use crate::history::Forgotten;
use crate::report::terminal::{self, Style};
use crate::report::{Entry, NotPromised, On, Report, Skipped, formats};
use crate::scenario::AnomalyKind;

/// A run that passed.
fn run(name: &str, on: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        file: PathBuf::from(format!("{name}.yaml")),
        on: Some(On { word: on.to_owned(), ..On::default() }),
        judgement: Some(Judgement {
            verdict: Verdict::Pass,
            violations: Vec::new(),
            allowed: Vec::new(),
            inconclusive: Vec::new(),
        }),
        reproduce: Some(format!("harness run {name}.yaml --on {on}")),
        ..Entry::default()
    }
}

/// One that lost so many.
fn lost(count: u64, mut entry: Entry) -> Entry {
    let judgement = entry.judgement.as_mut().unwrap();
    judgement.verdict = Verdict::Fail;
    judgement.violations.push(Finding {
        kind: AnomalyKind::Lost,
        count,
        possible: 0,
        not_in_log: 0,
        blames: None,
        traces: None,
        does_not_start: false,
        by_share: Default::default(),
        keep: Keep::First,
        proofs: Vec::new(),
    });
    entry
}

/// One without a verdict.
fn doubt(why: &str, mut entry: Entry) -> Entry {
    let judgement = entry.judgement.as_mut().unwrap();
    judgement.verdict = Verdict::Unknown;
    judgement.inconclusive.push(why.to_owned());
    entry
}

/// One of a scenario that asks for what the documents do not promise.
fn not_promised(mut entry: Entry) -> Entry {
    entry.not_promised = Some(NotPromised {
        kinds: [AnomalyKind::Lost].into(),
        said: "documented: nothing survives a kill; this scenario asks for survival".to_owned(),
        reference: "https://broker.example/a_page".to_owned(),
    });
    entry
}

/// One with a fault that met this backlog.
fn met(backlog: u64, mut entry: Entry) -> Entry {
    let fault = Fault { fired: 1, met: 9, backlog: Some(backlog), ..Fault::default() };
    entry.requires_backlog = true;
    entry.summary = Some(Summary { faults: vec![fault], ..Summary::default() });
    entry
}

/// One with a power cut that forgot so many bytes.
fn cut(bytes: u64, mut entry: Entry) -> Entry {
    let forgotten = Some(Forgotten { bytes, ..Forgotten::default() });
    let on_disk = Some(OnDisk { forgotten, each: vec![bytes], ..OnDisk::default() });
    let fault = Fault { fired: 1, met: 9, on_disk, ..Fault::default() };
    entry.summary = Some(Summary { faults: vec![fault], ..Summary::default() });
    entry
}

fn report(entries: Vec<Entry>) -> Report {
    let duration = Duration::from_secs(60);
    Report { entries, is_matrix: true, duration, ..Report::default() }
}

/// One of each, on three brokers, the third of which cannot be had.
fn one_of_each() -> Report {
    let kill = |on| run("kill", on);
    let mut report = report(vec![
        run("order", "a"),
        run("order", "a"),
        met(90, kill("a")),
        met(1_070, kill("a")),
        not_promised(lost(7, kill("b"))),
        not_promised(lost(1_200, kill("b"))),
        lost(3, run("order", "b")),
        doubt("vacuous: the fault `x` never fired", run("order", "b")),
        not_promised(run("twice", "a")),
        not_promised(run("lost-answer", "a")),
        doubt("vacuous: the fault `x` never fired", run("twice", "b")),
        doubt("P1 never answered", run("fan", "a")),
        doubt("P1 never answered", run("fan", "b")),
        run("fan", "b"),
    ]);
    for name in ["order", "kill", "twice", "lost-answer", "fan"] {
        let (name, file) = (name.to_owned(), PathBuf::from(format!("{name}.yaml")));
        let reason = "no c-server is installed".to_owned();
        report.skipped.push(Skipped { name, file, on: Some("c".to_owned()), reason });
    }
    report
}

fn check(
    report: &Report,
    write: impl Fn(&Report, &mut dyn Write) -> io::Result<()>,
    expected: &str,
) {
    let mut text = Vec::new();
    write(report, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.trim_start_matches('\n'), expected.trim_start_matches('\n'));
}

fn on_terminal(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    terminal::end(report, Style::default(), to)
}

fn format(name: &str) -> impl Fn(&Report, &mut dyn Write) -> io::Result<()> {
    let write = formats::FORMATS.iter().find(|format| format.name == name).unwrap().write;
    move |report, to| write(report, None, to)
}

#[test]
fn on_a_terminal_a_cell_is_a_word_and_what_needs_more_is_below() {
    let expected = "

scenario     a             b             c
order        kept 2        BROKEN 1/2    -
kill         kept 2        (broken 2/2)  -
twice        (kept 1)      vacuous 1     -
lost-answer  (kept 1)                    -
fan          no verdict 1  kept 1/2      -

kept 20: not refuted in 20 runs; kept 18/20: in 18, and the other 2 say nothing
BROKEN 3/20: refuted in 3 of 20 runs
( ): the broker's documents do not promise it
vacuous: what the scenario requires did not happen; -: cannot be tested here

Broken
  order on b: in 1 of 2 runs: lost 3
      reproduce  harness run order.yaml --on b --repeat 2 --until-fail

Not promised by the documents
  twice, lost-answer on a: not seen broken in the only run
      documented: nothing survives a kill; this scenario asks for survival
      see        https://broker.example/a_page
  kill on b: in all 2 runs: lost 7 to 1,200
      documented: nothing survives a kill; this scenario asks for survival
      see        https://broker.example/a_page
      reproduce  harness run kill.yaml --on b

Without a verdict in some runs
  fan on a: in the only run: P1 never answered
      reproduce  harness run fan.yaml --on a
  twice on b: in the only run: vacuous: the fault `x` never fired
      reproduce  harness run twice.yaml --on b
  fan on b: in 1 of 2 runs: P1 never answered
      reproduce  harness run fan.yaml --on b --repeat 2 --until-fail

Kept with a backlog
  kill on a: in 2 runs, with 2 faults that met a backlog of at least 90

Cannot be tested here
  all scenarios on c: no c-server is installed

3 brokers, 5 scenarios, 14 runs: 7 passed, 3 failed, 4 without a verdict, 5 skipped  in 60.0 s
";
    check(&one_of_each(), on_terminal, expected);
}

#[test]
fn in_markdown_a_broker_is_a_column() {
    let expected = r"
| scenario | a | b | c |
|---|---|---|---|
| order | kept 2 | **BROKEN 1/2** | - |
| kill | kept 2 | (broken 2/2) | - |
| twice | (kept 1) | vacuous 1 | - |
| lost-answer | (kept 1) |  | - |
| fan | no verdict 1 | kept 1/2 | - |

- kept 20: not refuted in 20 runs; kept 18/20: in 18, and the other 2 say nothing
- BROKEN 3/20: refuted in 3 of 20 runs
- ( ): the broker's documents do not promise it
- vacuous: what the scenario requires did not happen; -: cannot be tested here

**Broken**

- order on b: in 1 of 2 runs: lost 3
  - reproduce: `harness run order.yaml --on b --repeat 2 --until-fail`

**Not promised by the documents**

- twice, lost-answer on a: not seen broken in the only run
  - documented: nothing survives a kill; this scenario asks for survival
  - see <https://broker.example/a_page>
- kill on b: in all 2 runs: lost 7 to 1,200
  - documented: nothing survives a kill; this scenario asks for survival
  - see <https://broker.example/a_page>
  - reproduce: `harness run kill.yaml --on b`

**Without a verdict in some runs**

- fan on a: in the only run: P1 never answered
  - reproduce: `harness run fan.yaml --on a`
- twice on b: in the only run: vacuous: the fault \`x\` never fired
  - reproduce: `harness run twice.yaml --on b`
- fan on b: in 1 of 2 runs: P1 never answered
  - reproduce: `harness run fan.yaml --on b --repeat 2 --until-fail`

**Kept with a backlog**

- kill on a: in 2 runs, with 2 faults that met a backlog of at least 90

**Cannot be tested here**

- all scenarios on c: no c-server is installed

| broker | version | configuration |
|---|---|---|
| a |  |  |
| b |  |  |
| c |  |  |

**First of what did not pass: order**

``````text
FAIL  order  on b: 3 deliveries of acknowledged messages never came

      lost  3 deliveries of acknowledged messages never came

      reproduce  harness run order.yaml --on b
``````

harness 0.1.0, 14 runs in 60.0 s.
";
    check(&one_of_each(), format("Markdown"), expected);
}

#[test]
fn what_is_broken_beside_what_is_not_promised_is_broken() {
    let mut entry = not_promised(lost(1, run("kill", "a")));
    let mut duplicate = entry.judgement.as_ref().unwrap().violations[0].clone();
    duplicate.kind = AnomalyKind::Duplicate;
    entry.judgement.as_mut().unwrap().violations.push(duplicate);
    let report = report(vec![entry, not_promised(lost(5, run("kill", "a")))]);
    let matrix = super::Matrix::of(&report).unwrap();
    let cell = matrix.cell(0, 0).unwrap();
    assert_eq!(cell.short(), "BROKEN 1/2");
    let said = &matrix.said()[0].items[0];
    assert_eq!(said.text, "kill on a: in 1 of 2 runs: lost 1 to 5, duplicate 1 in 1 run");
    let again = ("reproduce", "harness run kill.yaml --on a --repeat 2 --until-fail".to_owned());
    assert!(said.lines.contains(&again), "{:?}", said.lines);
}

#[test]
fn sixteen_brokers_fit_in_a_hundred_columns() {
    let brokers: Vec<_> = (0..16).map(|number| format!("broker-with-a-name-{number}")).collect();
    let entries = brokers.iter().map(|on| run("survives-a-kill-with-a-backlog", on));
    let report = report(entries.collect());
    let mut text = Vec::new();
    on_terminal(&report, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(brokers.iter().all(|on| text.contains(on)), "{text}");
    let headings = text.lines().filter(|line| line.starts_with("scenario ")).count();
    assert_eq!(headings, 6, "three side by side: {text}");
}

/// Power cuts on four brokers: one keeps all, two do not, and one forgot nothing.
fn power_cuts() -> Report {
    let on = |on| run("power-cut", on);
    let mut gone = lost(500, on("d"));
    gone.judgement.as_mut().unwrap().violations[0].does_not_start = true;
    report(vec![
        cut(812, on("a")),
        cut(12_345, on("a")),
        not_promised(lost(7, cut(2_345_678, on("b")))),
        cut(0, doubt("vacuous: the fault `x` forgot 0 bytes", on("c"))),
        cut(5_000, gone),
        cut(5_000, lost(3, on("d"))),
        run("order", "a"),
    ])
}

#[test]
fn a_cell_with_power_cuts_says_what_they_forgot() {
    let expected = "

scenario   a                              b                            c
power-cut  kept 2, forgot 812 B to 12 kB  (broken 1/1, forgot 2.3 MB)  vacuous 1, forgot nothing
order      kept 1

scenario   d
power-cut  BROKEN 2/2, forgot 5.0 kB
order

kept 20: not refuted in 20 runs; kept 18/20: in 18, and the other 2 say nothing
BROKEN 3/20: refuted in 3 of 20 runs
( ): the broker's documents do not promise it
vacuous: what the scenario requires did not happen; -: cannot be tested here
forgot 12 kB: what power cuts forgot in a run, without files that the server does not need

Broken
  power-cut on d: in all 2 runs: lost 3 to 500, does not start in 1 run
      reproduce  harness run power-cut.yaml --on d

Not promised by the documents
  power-cut on b: in the only run: lost 7
      documented: nothing survives a kill; this scenario asks for survival
      see        https://broker.example/a_page
      reproduce  harness run power-cut.yaml --on b

Without a verdict in some runs
  power-cut on c: in the only run: vacuous: the fault `x` forgot 0 bytes
      reproduce  harness run power-cut.yaml --on c

Forgotten by power cuts
  power-cut on a: 812 to 12,345 bytes, in all 2 runs
  power-cut on b: 2,345,678 bytes, in the only run
  power-cut on c: 0 bytes, in the only run
  power-cut on d: 5,000 bytes, in all 2 runs

4 brokers, 2 scenarios, 7 runs: 3 passed, 3 failed, 1 without a verdict  in 60.0 s
";
    check(&power_cuts(), on_terminal, expected);
}

#[test]
fn in_json_a_cell_has_the_bytes_that_were_forgotten() {
    let mut text = Vec::new();
    format("JSON")(&power_cuts(), &mut text).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let cells = json["matrix"]["cells"].as_array().unwrap();
    let of = |on: &str| cells.iter().find(|cell| cell["on"] == on).unwrap();
    assert_eq!(of("a")["forgotten"], serde_json::json!({ "least": 812, "most": 12_345 }));
    assert_eq!(of("c")["forgotten"], serde_json::json!({ "least": 0, "most": 0 }));
    let order = cells.iter().find(|cell| cell["scenario"] == "order").unwrap();
    assert_eq!(order.get("forgotten"), None);
    let found = &of("d")["found"];
    let expected = serde_json::json!([
        { "what": "lost", "runs": 2, "least": 3, "most": 500 },
        { "what": "does not start", "runs": 1, "least": 1, "most": 1 },
    ]);
    assert_eq!(found, &expected);
}

#[test]
fn what_was_not_begun_has_no_cell() {
    let report = report(vec![run("one", "a"), run("two", "a"), run("one", "b")]);
    let matrix = super::Matrix::of(&report).unwrap();
    assert!(matrix.cell(1, 0).is_some());
    assert!(matrix.cell(1, 1).is_none());
    let single = Report { is_matrix: false, ..report.clone() };
    assert!(super::Matrix::of(&single).is_none());
}

#[test]
fn in_junit_a_broker_is_a_suite_and_a_repetition_has_its_number() {
    let turn = |turn, on| Entry { turn, ..run("one", on) };
    let report = report(vec![turn(1, "a"), turn(2, "a"), run("one", "b")]);
    let expected = r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="harness" tests="3" skipped="0" failures="0" errors="0" time="60.000">
    <testsuite name="a" tests="2" skipped="0" errors="0" failures="0" time="0.000">
        <testcase name="one (run 1)" classname="a" time="0.000" file="one.yaml"/>
        <testcase name="one (run 2)" classname="a" time="0.000" file="one.yaml"/>
    </testsuite>
    <testsuite name="b" tests="1" skipped="0" errors="0" failures="0" time="0.000">
        <testcase name="one" classname="b" time="0.000" file="one.yaml"/>
    </testsuite>
</testsuites>
"#;
    check(&report, format("JUnit"), expected);
}

#[test]
fn in_json_a_cell_has_its_counts() {
    let report =
        report(vec![not_promised(lost(7, run("kill", "b"))), not_promised(run("kill", "b"))]);
    let mut text = Vec::new();
    format("JSON")(&report, &mut text).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let cell = &json["matrix"]["cells"][0];
    let expected = serde_json::json!({
        "scenario": "kill",
        "on": "b",
        "result": "not promised",
        "runs": 2,
        "kept": 1,
        "broken": 0,
        "not_promised": 1,
        "no_verdict": 0,
        "vacuous": 0,
        "flaky": true,
        "faults": 0,
        "found": [{ "what": "lost", "runs": 1, "least": 7, "most": 7 }],
        "documented": {
            "said": "documented: nothing survives a kill; this scenario asks for survival",
            "reference": "https://broker.example/a_page",
        },
        "why": "7 deliveries of acknowledged messages never came",
        "reproduce": "harness run kill.yaml --on b --repeat 2 --until-fail",
    });
    assert_eq!(cell, &expected);
}
