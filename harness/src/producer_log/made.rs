//! Logs made up from a seed, in the original's format: for `harness generate`.

use std::io::{self, Write};
use std::time::Duration;

use crate::topic_name::TopicName;

use super::{LogLine, write};
use crate::chance::{self, Purpose};

/// What one producer's log is made of.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    /// 4 for `P4`.
    pub producer: u32,
    /// The topics that its lines take turns in; at least one.
    pub topics: &'a [TopicName],
    /// How many lines.
    pub lines: u32,
    /// Which lines go out together.
    pub bursts: Bursts,
    /// What the lines say.
    pub payloads: &'a Payloads,
    /// The time of day at which it begins.
    pub start: Duration,
    /// How long it goes on; the lines are spread over it by chance.
    pub span: Duration,
    /// What chance follows from.
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

/// Writes a log.
///
/// # Errors
/// Those of the writer.
pub fn make(recipe: &Recipe<'_>, to: &mut impl Write) -> io::Result<()> {
    let Recipe { producer, topics, lines, .. } = *recipe;
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
        let payload = match recipe.payloads {
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
        let topic = topic.as_str();
        write(to, &LogLine { line: line + 1, time, payload, burst: &burst, topic })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(topics: &str, lines: u32, bursts: Bursts) -> String {
        let topics: Vec<TopicName> = topics.split(' ').map(|name| name.parse().unwrap()).collect();
        let recipe = Recipe {
            producer: 1,
            topics: &topics,
            lines,
            bursts,
            payloads: &Payloads::Numbered,
            start: Duration::from_secs(24 * 60 * 60 - 2),
            span: Duration::from_secs(4),
            seed: 1,
        };
        let mut text = Vec::new();
        make(&recipe, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// Of each line: whether its time is that of the line above, its burst and its topic.
    fn check(text: &str) -> Vec<String> {
        let mut before = None;
        let show = |entry: Result<LogLine<'_>, super::super::Problem<'_>>| {
            let LogLine { time, burst, topic, .. } = entry.unwrap();
            assert!(before <= Some(time));
            let same = if before.replace(time) == Some(time) { "=" } else { "" };
            format!("{same}{burst} {topic}")
        };
        super::super::read(text).map(show).collect()
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
