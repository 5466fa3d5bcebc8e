//! A run's counts and latencies, on two lines.

use std::io::{self, Write};

use super::style::Style;
use crate::figures::{Latency, Summary};
use crate::report::{sentence, words};

/// So many faults are told about; the reports for programs have all.
const FAULTS_MAX: usize = 10;

/// Counts and latencies, on two lines, and a line for each fault between them.
pub(super) fn numbers(summary: &Summary, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let who = [
        words::count(summary.producers as u64, "producer"),
        words::count(summary.consumers as u64, "consumer"),
        words::count(summary.topics as u64, "topic"),
    ]
    .join(", ");
    let sent = of(summary.sent, summary.planned);
    let mut acks = String::new();
    for (count, word) in [
        (summary.refused, "refused"),
        (summary.never_left, "never left"),
        (summary.unknown, "unknown"),
    ] {
        if count > 0 {
            acks.push_str(&style.warn(&format!("  {word} {}", words::number(count))));
        }
    }
    let delivered = if summary.fewer_may_come && summary.delivered < summary.expected {
        let [some, all] = [summary.delivered, summary.expected].map(words::number);
        format!("{some} of at most {all}")
    } else {
        of(summary.delivered, summary.expected)
    };
    writeln!(to, "      {who}  sent {sent}{acks}  delivered {delivered}{}", rate(summary))?;
    for fault in summary.faults.iter().take(FAULTS_MAX) {
        let line = format!("      {}  {}", fault.text, sentence::fault(fault));
        writeln!(to, "{}", style.faint(&line))?;
    }
    if let Some(more @ 1..) = summary.faults.len().checked_sub(FAULTS_MAX) {
        let more = words::count(more as u64, "more fault");
        writeln!(to, "{}", style.faint(&format!("      and {more}")))?;
    }
    if summary.ack.count == 0 {
        return Ok(());
    }
    let latency = |name: &str, latency: &Latency| {
        format!("{name} p50 {} p99 {}", words::time(latency.p50), words::time(latency.p99))
    };
    let line = format!(
        "      {}  {}",
        latency("ack", &summary.ack),
        latency("end to end", &summary.end_to_end)
    );
    writeln!(to, "{}", style.faint(&line))
}

/// `17`, or `16 of 17` where some are missing or too many.
fn of(count: u64, planned: u64) -> String {
    if count == planned {
        words::number(count)
    } else {
        format!("{} of {}", words::number(count), words::number(planned))
    }
}

/// Deliveries a second; nothing where the run was too short to say.
fn rate(summary: &Summary) -> String {
    let rate = summary.throughput.filter(|rate| rate.count > 0);
    rate.map(|rate| format!("  {rate}")).unwrap_or_default()
}
