//! Whole pages, from reports made by hand: each is read by a strict reader of HTML.

mod reader;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use self::reader::{Page, read};
use super::room::PAGE_MAX;
use crate::check::{Anomaly, Finding, Judgement, Keep, Origin, Verdict};
use crate::diagram::{Diagram, Event, EventKind};
use crate::exit::Exit;
use crate::figures::summary::Fault;
use crate::figures::threshold::{State, Unit};
use crate::figures::{Band, Figures, Got, Latency, Proof, Rate, Sent, Summary, Threshold};
use crate::fixture::{self, SMALL, SMALL_LOGS, moment};
use crate::golden::{Comparison, Difference};
use crate::plan::{ConsumerIndex, MessageId, TopicIndex};
use crate::report::entry::{Entry, Evidence, NotPromised, On, Problem, Report, Skipped};
use crate::report::tally::{Of, Tally};
use crate::scenario::AnomalyKind;

/// What a broker, a payload or a person may have written.
const HOSTILE: &str =
    "</script><script>alert(1)</script> \"'>& \u{202e}gnp\u{0}\u{1b}[31m --><!-- {{ 7 * 7 }}";

fn written(report: &Report) -> String {
    let mut text = Vec::new();
    super::write(report, None, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn page(report: &Report) -> Page {
    read(&written(report))
}

fn of(entries: Vec<Entry>) -> Report {
    Report { entries, duration: Duration::from_millis(450), ..Report::default() }
}

/// A run of a scenario whose checks came to this.
fn judged(name: &str, verdict: Verdict) -> Entry {
    let judgement = Judgement {
        verdict,
        violations: Vec::new(),
        allowed: Vec::new(),
        inconclusive: Vec::new(),
    };
    Entry {
        name: name.to_owned(),
        file: PathBuf::from(format!("scenarios/{name}.yaml")),
        seed: Some(7),
        on: Some(On { word: "redis".to_owned(), ..On::default() }),
        duration: Duration::from_secs(2),
        summary: Some(Summary {
            producers: 2,
            sent: 6,
            planned: 6,
            acked: 6,
            ..Summary::default()
        }),
        judgement: Some(judgement),
        reproduce: Some(format!("harness run scenarios/{name}.yaml")),
        ..Entry::default()
    }
}

fn passed(name: &str) -> Entry {
    Entry { golden: Some(Comparison::Match), ..judged(name, Verdict::Pass) }
}

/// Messages of P1 that C2 never got, as the checks and the diagrams say it.
fn lost(name: &str, proofs: u32) -> Entry {
    let (_folder, plan) = fixture::plan(SMALL, SMALL_LOGS);
    let anomaly = |id: u32| {
        let title = format!("C2 never got P1#{} (T1 number 2, p1.txt:2)", id + 1);
        let consumer = Some(ConsumerIndex(1));
        let mut own = Anomaly::new(&plan, TopicIndex(0), consumer, &[MessageId(id % 6)], title);
        own.evidence = (0..4).map(|line| format!("line {line}: acked at 3.00 ms")).collect();
        own.origin = Some(Origin { file: "scenarios/p1.txt".to_owned(), line: 2 });
        own
    };
    let mut entry = judged(name, Verdict::Fail);
    entry.judgement.as_mut().unwrap().violations.push(Finding {
        kind: AnomalyKind::Lost,
        count: proofs.into(),
        possible: 0,
        not_in_log: 0,
        blames: None,
        traces: None,
        does_not_start: false,
        by_share: BTreeMap::new(),
        keep: Keep::First,
        proofs: (0..proofs).map(anomaly).collect(),
    });
    entry.figures = Some(figures(proofs));
    entry.summary.as_mut().unwrap().faults =
        vec![Fault { text: "{ at: 1s, kill: broker }".to_owned(), fired: 1, ..Fault::default() }];
    entry
}

fn figures(proofs: u32) -> Figures {
    let sent = |producer: u32| Sent {
        producers: format!("P{producer}"),
        producer_count: 1,
        topic: "T1".to_owned(),
        planned: 3,
        sent: 3,
        acked: 3,
        ..Sent::default()
    };
    let got = |consumer: u32, lost| Got {
        consumers: format!("C{consumer}"),
        consumer_count: 1,
        topic: "T1".to_owned(),
        due: 6,
        got: 6 - lost,
        lost,
        ..Got::default()
    };
    let proof = |place: u32| Proof {
        kind: AnomalyKind::Lost,
        is_allowed: false,
        place: place as usize,
        diagram: diagram(place),
    };
    let band = Band {
        key: "kill".to_owned(),
        target: "broker".to_owned(),
        began: Duration::from_millis(2),
        ended: Duration::from_millis(3),
        ..Band::default()
    };
    Figures {
        sent: vec![sent(1), sent(2)],
        got: vec![got(1, 0), got(2, proofs.min(6).into())],
        refusals: [("busy".to_owned(), 2)].into(),
        bands: vec![band],
        proofs: (0..proofs).map(proof).collect(),
        ..Figures::default()
    }
}

fn diagram(place: u32) -> Diagram {
    let event = |at, column, text: String, kind| {
        let messages = vec![MessageId(place)];
        Event { at: moment(at), column, text, messages, kind }
    };
    let name = format!("P1#{}", place + 1);
    let mut events = vec![
        event(1, Some(0), format!("{name} -> T1"), EventKind::Sent),
        event(2, None, "kill broker".to_owned(), EventKind::Fault),
        event(3, None, "kill broker is over".to_owned(), EventKind::Fault),
    ];
    events.extend(
        (4..14).map(|at| event(at, Some(1), format!("got {name} at 1"), EventKind::Delivered)),
    );
    Diagram { columns: ["P1", "C1", "C2"].map(str::to_owned).to_vec(), events }
}

#[test]
fn a_page_leads_with_the_answer_and_has_a_section_a_scenario() {
    let mut differs = passed("differs");
    differs.golden = Some(Comparison::Different {
        accepted: PathBuf::from("golden/differs.snap"),
        difference: Difference::between("C1  T1  6", "C1  T1  5"),
        pending: None,
    });
    let page = page(&of(vec![passed("5p3c"), lost("kill", 1), differs]));
    assert_eq!(page.all("h1"), ["✗ 2 of 3 scenarios failed"]);
    assert_eq!(page.all("h2"), ["5p3c on redis", "kill on redis", "differs on redis"]);
    assert_eq!(page.with_class("mark"), ["✓ PASS", "✗ FAIL", "✗ FAIL"]);
    page.says("1 delivery of an acknowledged message never came");
    page.says("C2 never got P1#1 (T1 number 2, p1.txt:2)");
    page.says("harness run scenarios/kill.yaml");
    page.says("all checks passed, but the ledger differs from golden/differs.snap");
    assert_eq!(page.with_class("minus"), ["- C1  T1  6"]);
    assert_eq!(page.with_class("plus"), ["+ C1  T1  5"]);
    page.says("Got of due");
    page.says("1 lost");
    page.says("traffic met");
    page.says("busy");
}

#[test]
fn one_scenario_is_named_in_the_title() {
    let page = page(&of(vec![passed("5p3c")]));
    assert_eq!(page.all("h1"), ["✓ 5p3c passed"]);
    assert_eq!(page.all("title"), ["✓ 5p3c passed – harness report"]);
    assert!(page.all("nav").is_empty());
    assert!(page.all("h3").iter().all(|heading| *heading == "Numbers"), "{:?}", page.all("h3"));
}

#[test]
fn whatever_brokers_and_people_write_is_only_text() {
    let mut entry = lost(HOSTILE, 1);
    entry.description = Some(HOSTILE.to_owned());
    entry.notes = vec![HOSTILE.to_owned()];
    entry.not_promised = Some(NotPromised {
        said: HOSTILE.to_owned(),
        reference: format!("https://x/{HOSTILE}"),
        ..NotPromised::default()
    });
    entry.on = Some(On {
        word: HOSTILE.to_owned(),
        config: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        addresses: vec![HOSTILE.to_owned()],
        ..On::default()
    });
    entry.reproduce = Some(HOSTILE.to_owned());
    entry.resolved = Some(serde_json::Value::String(HOSTILE.to_owned()));
    let judgement = entry.judgement.as_mut().unwrap();
    judgement.inconclusive.push(HOSTILE.to_owned());
    let proof = &mut judgement.violations[0].proofs[0];
    (proof.title, proof.evidence) = (HOSTILE.to_owned(), vec![HOSTILE.to_owned()]);
    let figures = entry.figures.as_mut().unwrap();
    figures.sent[0].topic = HOSTILE.to_owned();
    figures.sent[1].producers = HOSTILE.to_owned();
    figures.got[0].consumers = HOSTILE.to_owned();
    figures.bands[0].target = HOSTILE.to_owned();
    figures.refusals = [(HOSTILE.to_owned(), 1)].into();
    figures.proofs[0].diagram.columns[0] = HOSTILE.to_owned();
    figures.proofs[0].diagram.events[0].text = HOSTILE.to_owned();
    entry.thresholds = vec![Threshold {
        name: HOSTILE.to_owned(),
        limit: HOSTILE.to_owned(),
        measured: Some(HOSTILE.to_owned()),
        state: State::Missed,
        note: Some(HOSTILE.to_owned()),
        unit: Unit::Ns,
        asked: 1,
        got: Some(2),
    }];
    entry.golden = Some(Comparison::Different {
        accepted: PathBuf::from(HOSTILE),
        difference: Difference::between(HOSTILE, "x"),
        pending: Some(PathBuf::from(HOSTILE)),
    });
    let mut failed = Entry::failed(&PathBuf::from("x.yaml"), Exit::NoVerdict, HOSTILE.repeat(3));
    failed.name = HOSTILE.to_owned();
    let mut report = of(vec![entry, failed]);
    report.add_trouble(Exit::Usage, HOSTILE.to_owned());
    report.skipped.push(Skipped {
        name: HOSTILE.to_owned(),
        file: PathBuf::from(HOSTILE),
        on: None,
        reason: HOSTILE.to_owned(),
    });
    report.environment.command = HOSTILE.to_owned();
    let text = written(&report);
    assert_eq!(text.matches("<script").count(), 1, "the page's own");
    assert!(!text.contains(['\u{202e}', '\0', '\u{1b}']), "no character that changes others");
    let page = read(&text);
    page.says("</script><script>alert(1)</script> \"'>&");
    page.says("{{ 7 * 7 }}");
}

#[test]
fn every_kind_of_call_has_a_page() {
    let file = PathBuf::from("bad.yaml");
    let problem = |line| Problem {
        file: file.clone(),
        line: Some(line),
        column: Some(2),
        text: "unknown key `topcis`".to_owned(),
    };
    let invalid = Entry::invalid(&file, vec![problem(3), problem(4)]);
    let page_of = |entry: Entry| page(&of(vec![entry]));
    let page_of_invalid = page_of(invalid);
    page_of_invalid.says("bad.yaml:3:2: unknown key `topcis`");
    page_of_invalid.says("bad.yaml:4:2: unknown key `topcis`");
    assert_eq!(page_of_invalid.with_class("mark"), ["! INVALID"]);

    let sweep =
        Tally { passed: 7, failing: vec![3, 4], ..Tally::new(Of::Seeds { first: 1, last: 9 }) };
    let page_of_sweep = page_of(Entry { sweep: Some(sweep), ..lost("seeds", 1) });
    page_of_sweep.says("7 of 9 seeds of 1..9 passed, 2 failed");
    page_of_sweep.says("failing seeds 3, 4");

    let stopped = Entry { interrupted: true, judgement: None, ..passed("stopped") };
    assert_eq!(page_of(stopped).with_class("mark"), ["■ INTERRUPTED"]);
    let evidence = Entry { evidence: Some(Evidence::Logs), reproduce: None, ..passed("logs") };
    page_of(evidence).says("nothing in the logs breaks a promise");

    let mut unknown = judged("doubt", Verdict::Unknown);
    let reasons = vec!["P1#2 was not acked".to_owned(), "P1#3 was not acked".to_owned()];
    unknown.judgement.as_mut().unwrap().inconclusive = reasons;
    page_of(unknown).says("P1#3 was not acked");

    let new = Comparison::New { pending: PathBuf::from("golden/new.snap.new") };
    let new =
        Entry { golden: Some(new), accept: Some("harness accept new".to_owned()), ..passed("new") };
    let page_of_new = page_of(new);
    assert_eq!(page_of_new.with_class("mark"), ["± TO REVIEW"]);
    page_of_new.says("harness accept new");

    let mut report = Report::default();
    assert_eq!(page(&report).all("h1"), ["? No scenario was run"]);
    report.add_trouble(Exit::Usage, "no such file".to_owned());
    assert_eq!(page(&report).all("h1"), ["! Nothing was run"]);
    page(&report).says("no such file");
}

#[test]
fn thresholds_are_a_table_with_words() {
    let threshold = |state, measured: Option<&str>, note: Option<&str>| Threshold {
        name: "ack p99".to_owned(),
        limit: "at most 5 ms".to_owned(),
        measured: measured.map(str::to_owned),
        state,
        note: note.map(str::to_owned),
        unit: Unit::Ns,
        asked: 5_000_000,
        got: None,
    };
    let mut entry = passed("slow");
    entry.thresholds = vec![
        threshold(State::Met, Some("3 ms"), None),
        threshold(State::Missed, Some("9 ms"), Some("after kill broker")),
        threshold(State::NoData, None, Some("no acks")),
    ];
    let page = page(&of(vec![entry]));
    for words in ["✓ met", "✗ missed", "? no verdict", "9 ms", "after kill broker"] {
        page.says(words);
    }
}

#[test]
fn a_matrix_is_a_table_whose_cells_lead_to_runs() {
    let on = |word: &str, turn, entry: Entry| Entry {
        on: Some(On { word: word.to_owned(), version: Some("8.1".to_owned()), ..On::default() }),
        turn,
        ..entry
    };
    let mut entries = Vec::new();
    for turn in 1..=30 {
        entries.push(on("redis", turn, passed("order")));
        let entry = if turn == 7 { lost("order", 1) } else { passed("order") };
        entries.push(on("nats", turn, entry));
    }
    let report = Report { is_matrix: true, ..of(entries) };
    let page = page(&report);
    assert_eq!(page.all("h1"), ["✗ 1 of 60 runs failed"]);
    page.says("BROKEN 1/30");
    page.says("kept 30");
    let sections = page.all("h2");
    let expected = [
        "Scenarios and brokers",
        "order on redis 8.1 run 1",
        "order on nats 8.1 run 1",
        "order on nats 8.1 run 7",
    ];
    assert_eq!(sections, expected, "what passed again is not shown again");
    page.says("57 more have no section of their own");
    assert!(page.links.iter().any(|link| link == "#s3"), "{:?}", page.links);
}

#[test]
fn a_hundred_failures_fit_on_a_page_of_two_megabytes() {
    let entry = |place: u32| {
        let mut entry = if place.is_multiple_of(4) { passed("fine") } else { lost("broken", 10) };
        entry.name = format!("{}-{place}", entry.name);
        let figures = entry.figures.get_or_insert_with(|| figures(0));
        figures.got = (0..900)
            .map(|row| Got {
                consumers: format!("C{}", row % 30 + 1),
                consumer_count: 1,
                topic: format!("T{}", row / 30),
                due: 100 + row,
                got: 99,
                lost: 1 + row,
                ..Got::default()
            })
            .collect();
        figures.bands = vec![figures.bands[0].clone(); 200];
        entry.notes = vec!["a note of several words ".repeat(90); 40];
        let old: String = (0..90).map(|line| format!("C{line} T1 6 P1 1..9\n")).collect();
        entry.golden = Some(Comparison::Different {
            accepted: PathBuf::from("golden/x.snap"),
            difference: Difference::between(&old, &old.replace('6', "5")),
            pending: None,
        });
        entry
    };
    let report = of((0..100).map(entry).collect());
    let text = written(&report);
    assert!(text.len() < PAGE_MAX, "{} bytes", text.len());
    assert!(text.len() > PAGE_MAX / 2, "{} bytes: there was room for more", text.len());
    let page = read(&text);
    assert_eq!(page.all("h2").len(), 100);
    page.says("Left out, so that this page stays below 2 MB");
    let alone = written(&of(vec![entry(1)]));
    assert!(!alone.contains("Left out"), "{} bytes", alone.len());
}

#[test]
fn links_lead_from_the_page_to_the_logs_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("out/kill");
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join("consumer_2.txt"), "").unwrap();
    let entry = Entry { logs: Some(logs), ..lost("kill", 1) };
    let links = |place: Option<&str>| {
        let mut text = Vec::new();
        let place = place.map(|place| folder.path().join(place));
        super::write(&of(vec![entry.clone()]), place.as_deref(), &mut text).unwrap();
        read(&String::from_utf8(text).unwrap()).links
    };
    let beside = links(Some("page.html"));
    assert!(beside.contains(&"out/kill/consumer_2.txt".to_owned()), "{beside:?}");
    let deeper = links(Some("reports/today/page.html"));
    assert!(deeper.contains(&"../../out/kill".to_owned()), "{deeper:?}");
    let nowhere = links(None);
    assert!(!nowhere.iter().any(|link| link.contains("out")), "{nowhere:?}");
}

#[test]
fn numbers_of_a_run_are_told() {
    let latency = Latency {
        count: 6,
        p50: Duration::from_millis(1),
        p99: Duration::from_millis(12),
        ..Latency::default()
    };
    let mut entry = passed("numbers");
    entry.summary = Some(Summary {
        planned: 9_000,
        sent: 8_000,
        acked: 7_990,
        unknown: 10,
        expected: 16_000,
        delivered: 15_980,
        active: Duration::from_secs(2),
        // Without those of the warm-up.
        throughput: Some(Rate { count: 12_000, time: Duration::from_millis(1_500) }),
        ack: latency,
        ..Summary::default()
    });
    let page = page(&of(vec![entry]));
    for words in ["8,000 of 9,000", "7,990 of 8,000", "15,980 of 16,000", "8,000/s over 1.50 s"] {
        page.says(words);
    }
    page.says("ack p501.00 ms p99 12.0 ms");
}
