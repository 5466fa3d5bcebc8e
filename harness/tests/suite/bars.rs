//! Progress bars on terminals, wide and narrow.

use std::process::Stdio;

use crate::support::terminal::Terminal;
use crate::support::{Folder, wait_for};

const SMALL: &str = "topics: { T1: P1 P2 -> C1 C2 }\n\
                     producers: { all: { generate: { messages: 20 }, pace: 20/s } }\ngolden: none\n";

/// The lines that were drawn while this ran on a terminal of such a width.
fn drawn(columns: u16, arguments: &[&str]) -> Vec<String> {
    let folder = Folder::new();
    folder.write("a-scenario-with-a-long-name.yaml", SMALL);
    let terminal = Terminal::new(columns);
    let mut harness = folder.harness(arguments);
    harness.env("TERM", "xterm").stdout(Stdio::null()).stderr(terminal.end());
    let status = harness.status().unwrap();
    drop(harness);
    // What the program wrote last may still be on its way to the screen.
    wait_for("the result", || {
        terminal.shown().split_once("PASS").filter(|(_, rest)| rest.contains('\n')).map(|_| ())
    });
    let lines = terminal.lines();
    assert_eq!(status.code(), Some(0), "{lines:?}");
    lines
}

/// Those of a bar: they have a share and a rate.
fn bars(lines: &[String]) -> Vec<&str> {
    let is_bar =
        |line: &&str| line.contains('%') && line.contains("/s") && !line.contains("seeds of");
    lines.iter().map(String::as_str).filter(is_bar).collect()
}

/// `⠙ 1.23 s  ...`
fn has_time(bar: &str) -> bool {
    let mut words = bar.split_whitespace();
    let number = words.nth(1).and_then(|word| word.parse::<f64>().ok());
    number.is_some() && words.next().is_some_and(|unit| ["s", "ms", "\u{b5}s"].contains(&unit))
}

#[test]
fn a_sweep_has_a_bar_with_seeds_time_and_rate_and_a_line_for_what_it_came_to() {
    let arguments = ["sim", "a-scenario-with-a-long-name.yaml", "--seeds", "1..60"];
    let lines = drawn(120, &arguments);
    let bars = bars(&lines);
    assert!(bars.iter().any(|bar| bar.contains(" of 60 seeds")), "{lines:?}");
    assert!(bars.iter().all(|bar| has_time(bar)), "{bars:?}");
    assert!(lines.iter().any(|line| line.contains("60 of 60 seeds of 1..60 passed")), "{lines:?}");
}

#[test]
fn bars_stay_within_narrow_terminals_and_keep_time_and_rate() {
    for arguments in [
        &["sim", "a-scenario-with-a-long-name.yaml", "--seeds", "1..60"][..],
        &["run", "a-scenario-with-a-long-name.yaml"],
    ] {
        for columns in [40, 60] {
            let lines = drawn(columns, arguments);
            let bars = bars(&lines);
            assert!(!bars.is_empty(), "{lines:?}");
            for bar in bars {
                assert!(bar.chars().count() <= columns.into(), "{columns}: {bar}");
                assert!(has_time(bar), "{bar}");
            }
        }
    }
}
