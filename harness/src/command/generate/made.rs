//! Logs made up from a seed, in the original's format.

use std::io::{self, Write};
use std::time::Duration;

use super::super::selection::whole;
use crate::chance::{self, Purpose};
use crate::input::values;
use crate::producer_log::{self, LogLine, write};
use crate::topic_name::TopicName;

/// The most lines of one log.
const LINES_MAX: i64 = 100_000_000;

/// What logs are made of.
#[derive(Debug, clap::Args)]
pub struct Recipe {
    /// Lines a producer.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=LINES_MAX))]
    pub lines: u32,

    /// Which lines go out together.
    #[arg(long, value_enum, default_value_t = Bursts::Original)]
    pub bursts: Bursts,

    /// Words to choose payloads from, or `numbered` for P1_MSG1, P1_MSG2, and so on.
    #[arg(long, default_value = "INFO,DEBUG,ERROR", value_parser = payloads)]
    pub payloads: Payloads,

    /// The time of day at which the logs begin.
    #[arg(long, default_value = "21:52:23", value_parser = start)]
    pub start: Duration,

    /// How long each log goes on.
    #[arg(long, default_value = "8m", value_parser = span)]
    pub span: Duration,

    /// What every choice by chance follows from.
    #[arg(long, default_value_t = 1, value_parser = whole)]
    pub seed: u64,
}

/// Which lines go out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Bursts {
    /// `topics` for a producer with several topics, `whole` for one with a single topic.
    Original,
    /// One line for each of the producer's topics.
    Topics,
    /// All lines.
    Whole,
    /// Each line alone.
    Lines,
}

/// What the lines say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// One of these by chance, all as likely; at least one, none with blanks.
    Words(Vec<String>),
    /// `P1_MSG1`, `P1_MSG2`, and so on.
    Numbered,
}

/// Writes a producer's log, whose lines take turns in its topics.
pub(super) fn make(
    recipe: &Recipe,
    producer: u32,
    topics: &[TopicName],
    mut to: impl Write,
) -> io::Result<()> {
    let lines = recipe.lines;
    let width = u32::try_from(topics.len()).unwrap_or(u32::MAX);
    let burst_lines = match (recipe.bursts, width) {
        (Bursts::Original, 2..) | (Bursts::Topics, _) => width,
        (Bursts::Original | Bursts::Whole, _) => lines.max(1),
        (Bursts::Lines, _) => 1,
    };
    // Lines of a burst across topics share their time; those of a whole file have their own.
    let slot_lines = if burst_lines == width { width } else { 1 };
    let slots = lines.div_ceil(slot_lines).max(1);
    let mut chance = chance::generator(recipe.seed, Purpose::Logs, producer);
    let mut time = recipe.start;
    for (line, topic) in (0..lines).zip(topics.iter().cycle()) {
        if line % slot_lines == 0 {
            let slot = line / slot_lines;
            let within = chance::between(&mut chance, 0, 999);
            let share = (f64::from(slot) + f64::from(within) / 1000.0) / f64::from(slots);
            let since = recipe.span.mul_f64(share);
            time = Duration::from_secs((recipe.start + since).as_secs());
        }
        let numbered;
        let payload = match &recipe.payloads {
            Payloads::Words(words) => {
                let last = u32::try_from(words.len() - 1).unwrap_or(u32::MAX);
                &words[chance::between(&mut chance, 0, last) as usize]
            }
            Payloads::Numbered => {
                numbered = format!("P{producer}_MSG{}", line + 1);
                &numbered
            }
        };
        let burst = format!("P{producer}-{}", line / burst_lines + 1);
        let (payload, burst, topic) = (payload.into(), burst.into(), topic.as_str().into());
        write(&mut to, &LogLine { line: line + 1, time, payload, burst, topic })?;
    }
    to.flush()
}

fn payloads(text: &str) -> Result<Payloads, String> {
    if text == "numbered" {
        return Ok(Payloads::Numbered);
    }
    let words: Vec<String> = text.split(',').map(str::to_owned).collect();
    match words.iter().find(|word| word.is_empty() || word.contains(char::is_whitespace)) {
        Some(word) => Err(format!("`{word}` cannot be a payload: words without blanks can")),
        None => Ok(Payloads::Words(words)),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    values::time(text).map_err(|diagnostic| diagnostic.brief())
}

fn start(text: &str) -> Result<Duration, String> {
    producer_log::time(text).ok_or_else(|| "expected a time such as `21:52:23`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(topics: &str, lines: u32, bursts: Bursts) -> String {
        let topics: Vec<TopicName> = topics.split(' ').map(|name| name.parse().unwrap()).collect();
        let recipe = Recipe {
            lines,
            bursts,
            payloads: Payloads::Numbered,
            start: Duration::from_secs(24 * 60 * 60 - 2),
            span: Duration::from_secs(4),
            seed: 1,
        };
        let mut text = Vec::new();
        make(&recipe, 1, &topics, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// Of each line: whether its time is that of the line above, its burst and its topic.
    fn check(text: &str) -> Vec<String> {
        let mut before = None;
        let show = |entry: Result<(LogLine<'_>, &str), producer_log::Problem<'_>>| {
            let (LogLine { time, burst, topic, .. }, _) = entry.unwrap();
            assert!(before <= Some(time));
            let same = if before.replace(time) == Some(time) { "=" } else { "" };
            format!("{same}{burst} {topic}")
        };
        producer_log::read(text, None).map(show).collect()
    }

    #[test]
    fn a_producer_of_several_topics_bursts_across_them() {
        let lines = ["P1-1 A", "=P1-1 B", "P1-2 A", "=P1-2 B", "P1-3 A"];
        assert_eq!(check(&log("A B", 5, Bursts::Original)), lines);
    }

    #[test]
    fn a_producer_of_one_topic_is_one_burst() {
        let text = log("A", 3, Bursts::Original);
        assert!(check(&text).iter().all(|line| line.ends_with("P1-1 A")), "{text}");
        assert!(text.contains("  P1_MSG3  "), "{text}");
    }

    #[test]
    fn lines_alone_have_a_burst_each() {
        let bursts: Vec<String> = check(&log("A B", 3, Bursts::Lines));
        let bursts: Vec<&str> = bursts.iter().map(|line| line.trim_start_matches('=')).collect();
        assert_eq!(bursts, ["P1-1 A", "P1-2 B", "P1-3 A"]);
    }
}
