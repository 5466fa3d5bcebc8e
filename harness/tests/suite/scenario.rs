//! What loading says about files that are wrong, word for word; what it makes of those that are
//! right; and the commands that show it.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;
use std::process::{Command, Output};

use harness::plan::Plan;
use harness::scenario::{
    self, AnomalyKind, Carrier, Delivery, Need, NewConsumers, Order, Pace, Payloads, Scenario,
    Source, Start, Store, Wire,
};
use serde_json::Value;

use crate::support::{Folder, end};

/// Bad files and what is said about them: `==== name`, the YAML, `---- log` with its lines for each
/// log, and the text after `>>>>`.
const ERRORS: &str = include_str!("scenario_errors.txt");

const GENERATED: &str = "producers:\n  all: { generate: { messages: 5 } }\n";

fn load(yaml: &str) -> Result<Scenario, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    fs::write(&file, yaml).unwrap();
    scenario::load(&file).map_err(|error| plain(&error.to_string(), folder.path()))
}

/// The text without the name of the temporary folder.
fn plain(text: &str, folder: &Path) -> String {
    text.replace(&format!("{}/", folder.display()), "")
}

fn harness(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).current_dir(folder).env_remove("NO_COLOR");
    command.output().unwrap()
}

#[test]
fn every_error_says_what_is_wrong_and_where() {
    let mut count = 0;
    for case in ERRORS.split("==== ").skip(1) {
        let (case, expected) = case.split_once(">>>>\n").unwrap();
        let (name, files) = case.split_once('\n').unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut files = files.split("---- ");
        let file = folder.path().join("x.yaml");
        fs::write(&file, files.next().unwrap()).unwrap();
        for log in files {
            let (log, text) = log.split_once('\n').unwrap();
            fs::write(folder.path().join(log), text).unwrap();
        }
        let error = scenario::load(&file).and_then(Plan::new).map(|_| name).unwrap_err();
        assert_eq!(
            plain(&error.to_string(), folder.path()).trim_end(),
            expected.trim_end(),
            "{name}"
        );
        count += 1;
    }
    assert!(count >= 100, "only {count} cases were read");
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str| {
        let error = scenario::load(&folder.path().join(name)).unwrap_err();
        plain(&error.to_string(), folder.path())
    };
    assert_eq!(check("5p3c.yaml"), "error: cannot read 5p3c.yaml: no such file or directory");
    fs::write(folder.path().join("5p3d.yaml"), "x").unwrap();
    let hint = " |\n = help: did you mean 5p3d.yaml?";
    assert_eq!(
        check("5p3c.yaml"),
        format!("error: cannot read 5p3c.yaml: no such file or directory\n{hint}")
    );
    fs::create_dir(folder.path().join("folder")).unwrap();
    assert_eq!(check("folder"), "error: cannot read folder: it is a folder");
    fs::write(folder.path().join("latin.yaml"), b"topics:\n  T1: P1 -> \xe9\n").unwrap();
    let text = check("latin.yaml");
    assert!(text.starts_with("error: latin.yaml is not UTF-8\n --> latin.yaml:2:13\n"), "{text}");
}

#[test]
fn many_errors_are_counted_and_the_first_are_shown() {
    let keys: String = (2..40).map(|number| format!("  P{number}: {{}}\n")).collect();
    let text = load(&format!("topics:\n  T1: P1 -> C1\n{GENERATED}{keys}")).unwrap_err();
    assert_eq!(text.matches("error: unknown producer").count(), 20);
    assert!(text.ends_with("note: 18 more are not shown"), "{text}");
}

#[test]
fn colour_is_for_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let error = scenario::load(&folder.path().join("x.yaml")).unwrap_err();
    assert!(!error.to_string().contains('\x1b'));
    assert!(error.render(true).contains('\x1b'));
}

#[test]
fn everything_that_is_written_arrives() {
    let yaml = "\u{feff}name: whole
description: All keys
topics:
  T1: P1..P3 -> C1 C2
  T.2_b: { producers: [P1, P3..P4], consumers: C1 }
producers:
  all:
    generate: { messages: 3, size: 16..256 }
    pace: 0ms..1s
    batch: 2
  P2..P3: { pace: 200/s, in_flight: 9 }
  P4: { generate: { messages: 9, payloads: hostile }, pace: none, batch: 7 }
consumers:
  all: { batch: 50 }
  C2: { pause: 5ms, poll_after: 70 acked }
start: together
broker:
  on: mysql
  driver: original
  wire: { topic_field: name, get: body, post: query, trailing_slash: true, new_consumers: beginning }
  needs: [survives-kill, offsets]
  count: 64
  spread: true
expect:
  delivery: at-most-once
  order: per-producer
  acked: any
  ack: { p99.95: 500us, max: 1s, outside_of_faults: false }
  end_to_end: { mean: 2m, p50: 3ms }
  throughput: 1000/s
  backlog: { at_most: 7 }
warm_up: 1s 500ms
require: [\"unknown_acks >= 1\", delivered>=20]
drain: { idle: 2s, deadline: 1m 30s }
golden: none
seed: 18446744073709551615
";
    let scenario = load(yaml).unwrap();
    assert_eq!(scenario.name, "whole");
    assert_eq!(scenario.description.as_deref(), Some("All keys"));
    let topics: Vec<_> = scenario
        .topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.producers.clone(), topic.consumers.clone()))
        .collect();
    assert_eq!(topics, [("T1", vec![1, 2, 3], vec![1, 2]), ("T.2_b", vec![1, 3, 4], vec![1])]);
    let paces: Vec<String> = scenario.producers.iter().map(|p| p.pace.to_string()).collect();
    assert_eq!(paces, ["0s..1s", "200/s", "200/s", "none"]);
    let batches: Vec<u32> = scenario.producers.iter().map(|p| p.batch.get()).collect();
    assert_eq!(batches, [2, 2, 2, 7]);
    let in_flight: Vec<u32> = scenario.producers.iter().map(|p| p.in_flight.get()).collect();
    assert_eq!(in_flight, [1, 9, 9, 1]);
    assert_eq!(
        scenario.producers[2].source,
        Source::Generate { messages: 3, size: 16..=256, payloads: Payloads::Plain }
    );
    assert_eq!(
        scenario.producers[3].source,
        Source::Generate { messages: 9, size: 16..=16, payloads: Payloads::Hostile }
    );
    let consumers: Vec<_> =
        scenario.consumers.iter().map(|c| (c.batch.get(), c.pause.as_millis())).collect();
    assert_eq!(consumers, [(50, 0), (50, 5)]);
    let late: Vec<_> =
        scenario.consumers.iter().map(|c| c.poll_after.map(NonZeroU64::get)).collect();
    assert_eq!(late, [None, Some(70)]);
    assert_eq!(scenario.start, Start::Together);
    assert_eq!(scenario.broker.driver, "original");
    let wire = Wire {
        topic_field: "name".to_owned(),
        get: Carrier::Body,
        post: Carrier::Query,
        trailing_slash: true,
        new_consumers: NewConsumers::Beginning,
    };
    assert_eq!(scenario.broker.wire, wire);
    assert_eq!(scenario.broker.store, Store::Mysql);
    assert_eq!(scenario.broker.needs, [Need::SurvivesKill, Need::Offsets]);
    assert_eq!((scenario.broker.count.get(), scenario.broker.spread), (64, true));
    assert_eq!(scenario.expect.delivery, Delivery::AtMostOnce);
    assert_eq!(scenario.expect.order, Order::PerProducer);
    let asked = scenario.expect.thresholds.iter().map(|own| format!("{own} {}", own.limit()));
    let expected = [
        "ack p99.95 at most 500us",
        "ack max at most 1s",
        "end_to_end mean at most 2m",
        "end_to_end p50 at most 3ms",
        "throughput at least 1,000/s",
        "backlog at most 7",
    ];
    assert_eq!(asked.collect::<Vec<_>>(), expected);
    assert_eq!(scenario.warm_up.as_millis(), 1_500);
    assert_eq!(scenario.require.iter().map(|need| need.at_least).collect::<Vec<_>>(), [1, 20]);
    assert_eq!((scenario.drain.idle.as_secs(), scenario.drain.deadline.as_secs()), (2, 90));
    assert!(!scenario.golden);
    assert_eq!(scenario.seed, u64::MAX);
}

#[test]
fn what_people_write_more_shortly_is_the_same() {
    let yaml = "x-made: &made { messages: 3, size: 1k..1KiB }
topics: { T1: P1 -> C1 }
producers: { all: { generate: *made } }
broker: { needs: in-memory }
expect: { anomalies: lost }
require: acked >= 1
x-more: [1, { seed: none }]
";
    let scenario = load(yaml).unwrap();
    let made = Source::Generate { messages: 3, size: 1000..=1024, payloads: Payloads::Plain };
    assert_eq!(scenario.producers[0].source, made);
    assert_eq!(scenario.broker.needs, [Need::InMemory]);
    assert_eq!(scenario.expect.anomalies, BTreeSet::from([AnomalyKind::Lost]));
    assert_eq!(scenario.require.iter().map(|need| need.at_least).collect::<Vec<_>>(), [1]);
    for (size, bytes) in [("64", 64), ("2 KiB", 2048), ("1MiB", 1 << 20), ("3kB", 3000), ("7B", 7)]
    {
        let scenario = load(&yaml.replace("1k..1KiB", size)).unwrap();
        let Source::Generate { size, .. } = &scenario.producers[0].source else { panic!("a log") };
        assert_eq!(*size, bytes..=bytes);
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let scenario = load(&format!("topics:\n  T1: P1 -> C1\n{GENERATED}")).unwrap();
    assert_eq!(scenario.name, "x");
    assert_eq!(scenario.start, Start::ConsumersFirst);
    assert_eq!(scenario.producers[0].pace, Pace::None);
    assert_eq!(scenario.producers[0].batch.get(), 1);
    assert_eq!(scenario.consumers[0].batch.get(), 100);
    assert_eq!((scenario.drain.idle.as_secs(), scenario.drain.deadline.as_secs()), (5, 60));
    assert_eq!((scenario.golden, scenario.seed), (true, 1));
    assert_eq!((scenario.broker.store, scenario.broker.count.get()), (Store::Memory, 1));
}

#[test]
fn a_pace_is_printed_as_it_is_written() {
    for pace in ["none", "recorded", "recorded x10", "recorded x0.5", "200/s", "0.5/s", "1ms..2s"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("p.txt"), "1:00:00 a b T\n").unwrap();
        let file = folder.path().join("x.yaml");
        let yaml = format!(
            "topics: {{ T: P1 -> C1 }}\nproducers:\n  P1: {{ log: p.txt, pace: {pace} }}\n"
        );
        fs::write(&file, yaml).unwrap();
        assert_eq!(scenario::load(&file).unwrap().producers[0].pace.to_string(), pace);
    }
}

#[test]
fn a_folder_stands_for_its_scenarios_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!("topics:\n  T1: P1 -> C1\n{GENERATED}");
    for name in ["b.yaml", "a.yml", "c.txt"] {
        fs::write(folder.path().join(name), &yaml).unwrap();
    }
    fs::create_dir(folder.path().join("inner")).unwrap();
    fs::write(folder.path().join("inner/d.yaml"), &yaml).unwrap();
    let names = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|path| folder.path().join(path)).collect();
        let scenarios = scenario::load_all(scenario::find(&paths))
            .map_err(|error| plain(&error.to_string(), folder.path()))?;
        Ok::<_, String>(scenarios.into_iter().map(|scenario| scenario.name).collect::<Vec<_>>())
    };
    assert_eq!(names(&[""]).unwrap(), ["a", "b", "d"]);
    assert_eq!(names(&["b.yaml", ""]).unwrap(), ["b", "a", "d"]);
    fs::write(folder.path().join("inner/b.yaml"), &yaml).unwrap();
    assert_eq!(
        names(&["inner", "b.yaml"]).unwrap_err(),
        "error: two scenarios are named `b`: inner/b.yaml and b.yaml\n |\n = help: give one of them another `name:`"
    );
    fs::write(folder.path().join("inner/b.yaml"), "x: 1\ntopics: {}").unwrap();
    fs::write(folder.path().join("inner/d.yaml"), "y: 1\ntopics: {}").unwrap();
    let both = names(&["inner"]).unwrap_err();
    assert!(both.contains("unknown key `x`") && both.contains("unknown key `y`"), "{both}");
}

#[test]
fn the_schema_knows_just_the_keys_that_loading_takes() {
    let schema = scenario::schema(&["detect", "original"]);
    let schema = schema.as_value();
    let mut objects = vec![schema];
    objects.extend(schema["$defs"].as_object().unwrap().values());
    let mut closed = 0;
    for object in objects {
        if object.get("properties").is_some() {
            assert_eq!(object["additionalProperties"], Value::Bool(false), "{object:#}");
            closed += 1;
        }
    }
    assert_eq!(closed, 12, "one for each mapping with fixed keys");
    // Loading lists its own keys when it meets one that resembles none.
    let said = load("zzzzzzzzzzzzzzz: 1\n").unwrap_err();
    let keys: Vec<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let listed = said.split("there are: ").nth(1).unwrap().lines().next().unwrap();
    let mut listed: Vec<&str> = listed.split(", ").collect();
    let mut keys = keys;
    listed.sort_unstable();
    keys.sort_unstable();
    assert_eq!(listed, keys);
    assert_eq!(schema["required"], serde_json::json!(["topics"]));
    assert_eq!(schema["patternProperties"], serde_json::json!({ "^x-": {} }));
}

#[test]
fn commands_end_with_the_code_that_says_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "topics:\n  T1: P1 P2 -> C1\nproducers:\n  all:\n    log: logs/producer_{id}.txt\n";
    fs::write(folder.path().join("x.yaml"), yaml).unwrap();
    let code = |arguments: &[&str]| {
        let output = harness(arguments, folder.path());
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (exit, text) = code(&["plan", "x.yaml"]);
    assert_eq!(exit, Some(2), "{text}");
    assert!(text.contains("x.yaml:5:10"), "{text}");
    let make = ["generate", "P1..P2=T1", "--lines", "3", "--out", "logs"];
    assert_eq!(code(&make), (Some(0), "logs/producer_1.txt\nlogs/producer_2.txt\n".to_owned()));
    let before = fs::read(folder.path().join("logs/producer_1.txt")).unwrap();
    let there = "error: logs/producer_1.txt is there already; --force overwrites it\n";
    assert_eq!(code(&make), (Some(2), there.to_owned()));
    assert_eq!(code(&[&make[..], &["--force"]].concat()).0, Some(0));
    assert_eq!(fs::read(folder.path().join("logs/producer_1.txt")).unwrap(), before);
    let (exit, text) = code(&["plan", "x.yaml"]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("6 messages sent, 6 delivered, over at most 3 connections"), "{text}");
    let json: Value = serde_json::from_str(&code(&["plan", "x.yaml", "--json"]).1).unwrap();
    assert_eq!((&json["plan"], &json["sent"]), (&Value::from(1), &Value::from(6)));
    assert_eq!(code(&["plan", "x.yaml", "--jsn"]).0, Some(2));
    assert_eq!(code(&["generate", "P1=T/1"]).0, Some(2));
    assert_eq!(code(&["generate", "P1..P2=T1", "P2=T1"]).0, Some(2));
    let schema: Value = serde_json::from_str(&code(&["schema"]).1).unwrap();
    let drivers: Vec<_> = harness::driver::DRIVERS.iter().map(|row| row.word).collect();
    assert_eq!(schema, *scenario::schema(&drivers).as_value());
}

/// Every form that a fault may have, as it is printed.
const FAULTS: [&str; 14] = [
    "{ after: 500 acked, kill: broker, for: 200ms }",
    "{ at: 1s, pause: any, for: 500ms }",
    "{ at: 1s 500ms, stop: broker, for: 1s }",
    "{ after: 100 acked by P1, drop_ack: P1, count: 5 }",
    "{ at: 300ms, cut: [P4, C2], for: 1s }",
    "{ at: 300ms, black_hole: C1, for: 1s }",
    "{ at: 0s, slow: C3, latency: 20ms, jitter: 5ms }",
    "{ at: 0s, slow: [P1..P3, C1], latency: 20ms, bandwidth: 64KiB/s, for: 1m }",
    "{ every: 200ms, until: 2s, cut: any, for: 50ms }",
    "{ every: 200ms, from: 1s, until: 2s, cut: all, for: 50ms }",
    "{ every: 200ms, slow: all, bandwidth: 1000B/s, for: 50ms }",
    "{ after: 300 delivered to C1, crash: C1, for: 100ms }",
    "{ after: 300 delivered, crash: [C1..C3], for: 100ms }",
    "{ at: 2s, drop_ack: any, count: 1 }",
];

#[test]
fn a_fault_is_printed_as_it_is_written() {
    let head =
        "topics:\n  T1: P1..P5 -> C1..C3\nproducers:\n  all: { generate: { messages: 5 } }\n";
    let faults: String = FAULTS.iter().map(|fault| format!("  - {fault}\n")).collect();
    let scenario = load(&format!("{head}faults:\n{faults}")).unwrap();
    let printed: Vec<String> = scenario.faults.iter().map(ToString::to_string).collect();
    let expected: Vec<String> =
        FAULTS.iter().map(|fault| fault.replace("[C1..C3]", "C1..C3")).collect();
    assert_eq!(printed, expected);
    let lines: Vec<usize> = scenario.faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, (6..20).collect::<Vec<_>>());
}

#[test]
fn a_fault_in_block_style_has_its_place_too() {
    let yaml =
        format!("topics:\n  T1: P1 -> C1\n{GENERATED}faults:\n  - at: 1s\n    kill: database\n");
    let error = load(&yaml).unwrap_err();
    assert!(error.contains("`kill` does not say for how long"), "{error}");
    let error = load(&format!("{yaml}    for: 1s\n")).unwrap_err();
    assert!(error.contains("x.yaml:6:5") && error.contains("has no database"), "{error}");
}

#[test]
fn plan_is_a_lint_of_files_and_folders() {
    let folder = Folder::new();
    let yaml = format!("topics:\n  T1: P1 -> C1\n{GENERATED}");
    folder.write("all/a.yaml", &yaml);
    folder.write("all/deep/b.yml", &yaml);
    folder.write("all/compose.yaml", "services: { broker: {} }\n");
    folder.write("c.yaml", &yaml);
    let note = "note: all/compose.yaml is passed over: it has no `topics`\n";
    let ended = folder.passes(&["plan", "all", "c.yaml"]);
    let heads: Vec<&str> =
        ended.stdout.lines().filter(|line| line.ends_with(": no description")).collect();
    assert_eq!(heads, ["a: no description", "b: no description", "c: no description"]);
    assert_eq!(ended.stderr, note);
    let json = folder.passes(&["plan", "all", "--json", "--filter", "b"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json.as_array().unwrap().iter().map(|plan| &plan["name"]).collect::<Vec<_>>(),
        ["b"]
    );
    for command in ["run", "sim"] {
        let ended = folder.run(&[command, "all", "--filter", "nothing"]);
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        assert!(ended.stderr.starts_with(note), "{}", ended.stderr);
    }
    // Named by itself it is an error, and one that is wrong hides neither the next nor the plans.
    let ended = folder.run(&["plan", "all/compose.yaml", "all"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("unknown key `services`"), "{}", ended.stderr);
    folder.write("all/deep/wrong.yaml", "topics: { T1: P1 -> C1 }\n");
    folder.write("wrong.yaml", "topics: { T1: P1 }\n");
    let ended = folder.run(&["plan", "all", "wrong.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.contains("a: no description"), "{}", ended.stdout);
    for said in
        ["P1 has neither `log`", "all/deep/wrong.yaml:1:1", "`->` is missing", "wrong.yaml:1:15"]
    {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    folder.write("none/readme.yaml", "# nothing\n");
    let ended = folder.run(&["plan", "none"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing selected: no scenario in none"), "{}", ended.stderr);
}

#[test]
fn a_scenario_comes_from_standard_input() {
    let folder = Folder::new();
    folder.write("p1.txt", "21:52:23  INFO  P1-1  T1\n");
    let said = |yaml: &str, arguments: &[&str]| {
        folder.write("stdin.txt", yaml);
        let mut command = folder.harness(arguments);
        command.stdin(fs::File::open(folder.join("stdin.txt")).unwrap());
        end(command)
    };
    let yaml = "topics: { T1: P1 -> C1 }\nproducers: { P1: { log: p1.txt } }\ngolden: none\n";
    let ended = said(yaml, &["plan", "-"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("stdin: no description\n"), "{}", ended.stdout);
    for command in ["run", "sim"] {
        let ended = said(yaml, &[command, "-"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(folder.read("out/stdin/consumer_1.txt"), "T1     INFO\n");
    }
    let ended = said(yaml, &["check", "-", "--logs", "out/stdin"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = said(&yaml.replace("->", ">"), &["plan", "-"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("<stdin>:1:15"), "{}", ended.stderr);
}
