//! The checks are proved: a broker that is wrong in one known way is found out, every time and in
//! that way only.

use std::path::Path;
use std::process::{Command, Output};

fn sabotage(scenario: &Path) -> Output {
    let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
    harness.arg("sabotage").arg(scenario);
    harness.output().unwrap()
}

#[test]
fn every_sabotage_is_reported_exactly_and_a_clean_run_has_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = sabotage(&root.join("scenarios/5p3c.yaml"));
    let table = String::from_utf8(output.stdout).unwrap();
    let expected = [
        ("(none)", "none"),
        ("lose", "lost"),
        ("duplicate", "duplicate"),
        ("reorder", "reordered"),
        ("diverge", "divergent"),
        ("phantom", "phantom"),
        ("resurrect", "resurrected"),
        ("corrupt", "corrupted"),
        ("misroute", "misrouted"),
        ("early", "early"),
        ("stale-ack", "stale ack"),
    ];
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert_eq!(rows.len(), expected.len(), "{table}");
    for (row, (kind, anomaly)) in rows.iter().zip(expected) {
        let mut words = row.split_whitespace();
        assert_eq!(words.next(), Some(kind), "{table}");
        let injected: u64 = words.next().unwrap().parse().unwrap();
        let reported: u64 = words.next().unwrap().parse().unwrap();
        assert_eq!(injected, reported, "{table}");
        assert!(injected >= 5 || kind == "(none)", "{table}");
        assert_eq!(words.next(), Some("yes"), "{table}");
        let fired = words.collect::<Vec<_>>().join(" ");
        let exactly =
            if kind == "(none)" { anomaly.into() } else { format!("{anomaly} {reported}") };
        assert_eq!(fired, exactly, "{table}");
    }
    assert_eq!(output.status.code(), Some(0), "{table}");
}

#[test]
fn a_scenario_with_too_few_messages_is_vacuous_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("tiny.yaml");
    let text = "topics:\n  T1: P1 -> C1\nproducers:\n  all:\n    generate: { messages: 2, size: 4..4 }\n\
                drain: { idle: 100ms, deadline: 5s }\ngolden: none\n";
    std::fs::write(&scenario, text).unwrap();
    let output = sabotage(&scenario);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("vacuous: nothing could be injected"), "{table}");
    assert_eq!(output.status.code(), Some(3), "{table}{}", String::from_utf8_lossy(&output.stderr));
}
