//! Plans of the shipped scenarios, and of small ones written for a test.

use std::fs;
use std::path::{Path, PathBuf};

use harness::plan::{
    ConsumerIndex, Due, MessageId, MessageName, Plan, Round, RunMark, Tagged, TopicIndex,
};
use harness::scenario;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(format!("{name}.yaml"))
}

fn plan(name: &str) -> Plan {
    let scenario = scenario::load(&shipped(name)).unwrap_or_else(|error| panic!("{error}"));
    Plan::new(scenario).unwrap_or_else(|error| panic!("{error}"))
}

/// A plan of a file and of logs beside it.
fn written(yaml: &str, logs: &[(&str, &str)]) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    fs::write(&file, yaml).unwrap();
    for (name, text) in logs {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let scenario = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    Plan::new(scenario).unwrap_or_else(|error| panic!("{error}"))
}

fn ids(plan: &Plan) -> impl Iterator<Item = MessageId> {
    (0..plan.messages.len()).map(MessageId::new)
}

/// FNV-1a over every payload with its length, in the order of the ids.
fn digest(plan: &Plan) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    for id in ids(plan) {
        let payload = plan.messages.payload(id);
        eat(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        eat(payload.as_bytes());
    }
    hash
}

/// The topics' totals in the file's order.
fn totals(plan: &Plan) -> Vec<u64> {
    (0..plan.topics.len()).map(|place| plan.topic_total(TopicIndex::new(place))).collect()
}

#[test]
fn every_shipped_scenario_has_the_totals_it_says() {
    let check = |name: &str, actors, sent, delivered| {
        let plan = plan(name);
        assert_eq!(
            (plan.producers.len(), plan.consumers.len(), plan.topics.len()),
            actors,
            "{name}"
        );
        assert_eq!((plan.sent_total(), plan.delivered_total()), (sent, delivered), "{name}");
    };
    check("2p2c", (2, 2, 2), 10, 20);
    check("5p3c", (5, 3, 3), 4965, 10_261);
    check("together", (5, 3, 3), 4965, 10_261);
    check("slow-consumer", (2, 2, 1), 1000, 2000);
    check("fan", (1, 100, 1), 200, 20_000);
    check("crowd", (1000, 1000, 100), 5000, 50_000);
    check("million", (20, 10, 3), 1_000_000, 10_000_000);
    check("broker-restart", (3, 2, 2), 600, 1000);
    check("broker-restart-memory", (2, 2, 1), 400, 800);
    check("consumer-crash", (2, 2, 1), 300, 600);
    check("database-restart", (3, 2, 2), 600, 1000);
    check("everything", (4, 3, 2), 600, 1200);
    check("failover", (3, 2, 3), 600, 1000);
    check("flaky-network", (3, 3, 2), 450, 900);
    check("graceful-restart", (3, 2, 2), 600, 1000);
    check("half-open", (2, 2, 1), 300, 600);
    check("lost-response", (2, 2, 1), 300, 600);
    check("original-clients", (2, 2, 2), 300, 525);
    check("bit-rot", (2, 2, 1), 600, 1200);
    check("disk-full", (2, 2, 1), 800, 1600);
    check("fsync-fails", (2, 2, 1), 800, 1600);
    check("power-cut", (2, 2, 1), 1000, 2000);
    check("power-cut-torn", (2, 2, 1), 1000, 2000);
    check("slow-disk", (2, 2, 1), 300, 600);
}

#[test]
fn no_scenario_is_shipped_without_being_listed_here() {
    let files = scenario::find(&[shipped("x").parent().unwrap().to_owned()]);
    let files = scenario::load_all(files).unwrap();
    let names: Vec<&str> = files.iter().map(|scenario| scenario.name.as_str()).collect();
    let known = [
        "2p2c",
        "5p3c",
        "bit-rot",
        "broker-restart-memory",
        "broker-restart",
        "crashes",
        "hostile",
        "lost-answers",
        "power",
        "repeats",
        "side-by-side",
        "wake-up",
        "cluster-node-lost",
        "cluster",
        "consumer-crash",
        "crowd",
        "database-restart",
        "disk-full",
        "everything",
        "failover",
        "fan",
        "black-hole",
        "crash",
        "cut-database",
        "cut",
        "drop-ack",
        "kill-broker-memory",
        "kill-broker",
        "kill-database",
        "pause-broker",
        "pause-database",
        "power-storage",
        "slow-database",
        "slow",
        "stop-broker-memory",
        "stop-broker",
        "flaky-network",
        "fsync-fails",
        "graceful-restart",
        "half-open",
        "lost-response",
        "million",
        "original-clients",
        "power-cut-torn",
        "power-cut",
        "a-crashed-consumer-resumes",
        "a-cut-connection",
        "a-half-open-connection",
        "a-killed-broker-repeats-nothing",
        "a-lost-answer-is-no-duplicate",
        "a-paused-broker",
        "a-producers-order",
        "every-acked-message-arrives",
        "hostile-payloads-come-back",
        "large-messages",
        "many-topics",
        "nothing-twice",
        "one-order-for-all",
        "survives-a-graceful-restart",
        "survives-a-kill-with-a-backlog",
        "slow-consumer",
        "slow-disk",
        "together",
    ];
    assert_eq!(names, known);
}

#[test]
fn the_large_original_set_up_has_the_recorded_totals_and_bursts() {
    let plan = plan("5p3c");
    assert_eq!(totals(&plan), [1821, 2317, 827]);
    let due: Vec<u64> = (0..3).map(|c| plan.consumer_total(ConsumerIndex(c))).collect();
    assert_eq!(due, [4965, 2648, 2648]);

    let widths = |number: usize| {
        let rounds = plan.producers[number - 1].rounds.iter();
        rounds.map(|round: &Round| round.requests.len()).collect::<Vec<_>>()
    };
    assert_eq!(widths(1), vec![3; 331]);
    assert_eq!(widths(2), [vec![2; 496], vec![1]].concat());
    for number in 3..=5 {
        assert_eq!(widths(number), vec![1; 993], "P{number}");
    }
    let words = ["INFO", "DEBUG", "ERROR"];
    assert!(ids(&plan).all(|id| words.contains(&plan.messages.payload(id))));
}

#[test]
fn the_small_original_set_up_has_payloads_that_name_themselves() {
    let plan = plan("2p2c");
    let payloads: Vec<&str> = ids(&plan).map(|id| plan.messages.payload(id)).collect();
    let of = |numbers: [u32; 5], producer: u32| {
        numbers.map(|number| format!("P{producer}_MSG{number}")).to_vec()
    };
    assert_eq!(payloads, [of([1, 3, 5, 2, 4], 1), of([1, 3, 5, 2, 4], 2)].concat());
}

#[test]
fn messages_are_found_by_the_name_that_they_are_called_by() {
    for name in ["2p2c", "5p3c", "crowd"] {
        let plan = plan(name);
        for id in ids(&plan) {
            assert_eq!(plan.find(plan.name(id)), Some(id));
            let (name, payload) = (plan.name(id), plan.messages.payload(id));
            for run in [None, Some(RunMark::of("test"))] {
                let tagged = plan.tag(id, run) + payload;
                assert_eq!(Tagged::split(&tagged), Some(Tagged { name, run, payload }));
            }
        }
        for (producer, line) in [(0, 1), (9999, 1), (1, 0), (1, 994)] {
            assert_eq!(plan.find(MessageName { producer, line }), None);
        }
    }
}

#[test]
fn messages_are_described_by_number_and_place() {
    let plan = plan("5p3c");
    let describe =
        |producer, line| plan.describe(plan.find(MessageName { producer, line }).unwrap());
    assert_eq!(describe(4, 17), "P4#17 (T2 number 17, producer_4.txt:17)");
    assert_eq!(describe(1, 18), "P1#18 (T3 number 6, producer_1.txt:18)");
    assert_eq!(plan.longest_tag(), "P5#993:".len());
    let million = self::plan("million");
    let id = million.find(MessageName { producer: 20, line: 17 }).unwrap();
    assert_eq!(million.describe(id), "P20#17 (T2 number 6, generated)");
}

#[test]
fn streams_hold_their_messages_together_in_the_order_of_the_log() {
    let plan = plan("5p3c");
    let mut next = 0;
    for (place, stream) in plan.streams.iter().enumerate() {
        assert_eq!(stream.first.0, next);
        next += stream.count;
        let mut before = 0;
        for (number, id) in (1..).zip(stream.messages().map(MessageId)) {
            assert_eq!(plan.messages.stream(id).place(), place);
            assert_eq!(plan.number(id), number);
            assert!(plan.messages.line(id) > before);
            before = plan.messages.line(id);
        }
    }
    assert_eq!(next as usize, plan.messages.len());
}

#[test]
fn a_seed_always_makes_the_same_messages() {
    let yaml = |seed: u32| {
        format!(
            "topics:\n  A: P1 P2 -> C1\n  B: P2 -> C1\nseed: {seed}\n\
             producers:\n  all: {{ generate: {{ messages: 50, size: 3..40 }} }}\n"
        )
    };
    let plan = written(&yaml(7), &[]);
    assert_eq!(digest(&plan), digest(&written(&yaml(7), &[])));
    assert_ne!(digest(&plan), digest(&written(&yaml(8), &[])));
    // Recorded: a change of any of these breaks every golden file.
    let digests = [digest(&plan), digest(&self::plan("million")), digest(&self::plan("5p3c"))];
    assert_eq!(digests, [821383272457941394, 3279089624919086317, 6793458112822189586]);
    for id in ids(&plan) {
        let payload = plan.messages.payload(id);
        assert!((3..=40).contains(&payload.len()));
        assert!(payload.bytes().all(|byte| byte.is_ascii_graphic()), "{payload}");
    }
}

#[test]
fn logs_may_have_blank_lines_and_windows_ends_and_lines_keep_their_numbers() {
    let log = "21:52:23  a  x  T\r\n\r\n21:52:25\tb\ty\tT\r\n";
    let yaml = "topics:\n  T: P1 -> C1\nproducers:\n  P1: { log: p.txt, pace: recorded }\n";
    let plan = written(yaml, &[("p.txt", log)]);
    let lines: Vec<u32> = ids(&plan).map(|id| plan.messages.line(id)).collect();
    assert_eq!(lines, [1, 3]);
    let millis = |round: &Round| match round.due {
        Due::At(at) => at.as_millis(),
        due => panic!("{due:?}"),
    };
    assert_eq!(plan.producers[0].rounds.iter().map(millis).collect::<Vec<_>>(), [0, 2000]);
}

const CUT: &str = "faults: [{ every: 100ms, cut: P1, for: 5ms }]";

#[test]
fn ledger_lines_are_open_where_what_arrives_is_left_open() {
    let check = |extra: &str| {
        let yaml = format!(
            "topics:\n  T: P1 -> C1\n{extra}\n\
             producers:\n  all: {{ generate: {{ messages: 1 }} }}\n"
        );
        written(&yaml, &[]).is_exact()
    };
    for exact in ["", "expect: { delivery: at-least-once }", "expect: { order: per-producer }"] {
        assert!(check(exact), "{exact}");
    }
    for open in [
        "start: together",
        "expect: { delivery: at-most-once }",
        "expect: { acked: any }",
        "expect: { order: none }",
    ] {
        assert!(!check(open), "{open}");
    }
    // Only under faults does it matter that the original routes repeat nothing.
    let original = "broker: { driver: original }";
    assert!(check(original) && check(CUT) && check("network: { lose_request: 1% }"));
    for disturbed in [CUT, "network: { lose_request: 1% }"] {
        assert!(!check(&format!("{original}\n{disturbed}")), "{disturbed}");
    }
}
