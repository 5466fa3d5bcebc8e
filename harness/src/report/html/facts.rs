//! A run's counts, and its latencies in short: the chart of their distribution has all figures.

use minijinja::Error;
use serde::Serialize;

use super::context::Context;
use super::templates::values;
use crate::figures::Summary;
use crate::report::words::{number, time};

/// So many codes of refusals are told apart.
const CODES_MAX: usize = 20;

#[derive(Serialize)]
struct Count {
    word: &'static str,
    count: String,
    /// What it is a part of, or its rate.
    more: String,
    is_trouble: bool,
}

/// The piece of an entry that ran.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let Some(summary) = &own.entry.summary else { return Ok(None) };
    let refusals = own.entry.figures.iter().flat_map(|figures| &figures.refusals);
    let refusals: Vec<(&String, String)> =
        refusals.take(CODES_MAX).map(|(code, count)| (code, number(*count))).collect();
    let values = values! { counts => counts(summary), refusals => refusals };
    own.templates.render("facts.html", values).map(Some)
}

fn counts(summary: &Summary) -> Vec<Count> {
    let count =
        |word, count, more, is_trouble| Count { word, count: number(count), more, is_trouble };
    let of = |all: u64| format!("of {}", number(all));
    let expected = match summary.fewer_may_come {
        true => format!("of at most {}", number(summary.expected)),
        false => of(summary.expected),
    };
    let is_short = summary.delivered != summary.expected && !summary.fewer_may_come;
    let mut counts = vec![
        count("producers", summary.producers as u64, String::new(), false),
        count("topics", summary.topics as u64, String::new(), false),
        count("consumers", summary.consumers as u64, String::new(), false),
        count("sent", summary.sent, of(summary.planned), summary.sent != summary.planned),
        count("acknowledged", summary.acked, of(summary.sent), summary.acked != summary.sent),
    ];
    for (word, value) in [
        ("refused", summary.refused),
        ("never left", summary.never_left),
        ("outcome unknown", summary.unknown),
        ("retries", summary.retries),
    ] {
        if value > 0 {
            counts.push(count(word, value, String::new(), word != "retries"));
        }
    }
    counts.push(count("delivered", summary.delivered, expected, is_short));
    if let Some(rate) = summary.throughput.filter(|rate| rate.count > 0) {
        let (count, more) = (rate.to_string(), format!("over {}", time(rate.time)));
        counts.push(Count { word: "throughput", count, more, is_trouble: false });
    }
    for (word, latency) in [("ack p50", &summary.ack), ("end to end p50", &summary.end_to_end)] {
        if latency.count > 0 {
            let (count, more) = (time(latency.p50), format!("p99 {}", time(latency.p99)));
            counts.push(Count { word, count, more, is_trouble: false });
        }
    }
    counts
}
