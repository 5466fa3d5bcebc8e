//! An explanation as lines of text.

use std::fmt::Write as _;

use super::Explanation;
use super::answers::{ANSWERS_MAX, Answer};
use super::line::Line;
use crate::check::time;
use crate::numbers;

/// What stands in front of a line without a time.
const TIME_WIDTH: usize = 13;

impl Explanation {
    /// The answer first, then what happened, then the diagram; `run` says of which run it is.
    #[must_use]
    pub fn to_text(&self, run: &str) -> String {
        let mut text = format!("{}\n{run}\n\n", self.title);
        self.answer(&mut text);
        text.push('\n');
        self.story(&mut text);
        text.push('\n');
        for line in self.diagram.to_text().lines() {
            let _ = writeln!(text, "  {line}");
        }
        text
    }

    fn answer(&self, text: &mut String) {
        let widest = |column: fn(&Answer) -> &str| {
            let own = self.answers.iter().map(|answer| column(answer).chars().count());
            own.max().unwrap_or_default()
        };
        let (who, word) = (widest(|own| &own.who), widest(|own| &own.word));
        for answer in self.answers.iter().take(ANSWERS_MAX) {
            let mut head = format!("  {:who$}  {:word$}", answer.who, answer.word);
            for reason in &answer.reasons {
                let _ = writeln!(text, "{head}  {reason}");
                head = " ".repeat(head.chars().count());
            }
        }
        if let Some(more @ 1..) = self.answers.len().checked_sub(ANSWERS_MAX) {
            let _ = writeln!(text, "  ... and {}", numbers::count(more as u64, "more answer"));
        }
    }

    fn story(&self, text: &mut String) {
        let word = self.lines.iter().map(|line| line.word.len()).max().unwrap_or_default();
        for line in in_order(&self.lines) {
            let (at, stamp) = line.at.unzip();
            let at = at.map(time).unwrap_or_default();
            let stamp = stamp.flatten().map(|stamp| format!(" (stamp {stamp})"));
            let (stamp, own) = (stamp.unwrap_or_default(), line.word);
            let _ = writeln!(text, "{at:>TIME_WIDTH$}  {own:word$}  {}{stamp}", line.text);
        }
    }
}

/// What was planned first, and what is known of the whole run last. What has a stamp is in the order of
/// the stamps, for it is theirs that counts.
fn in_order(lines: &[Line]) -> Vec<&Line> {
    let stamp = |line: &Line| line.at.and_then(|(_, stamp)| stamp);
    let mut ordered: Vec<&Line> = lines.iter().filter(|line| stamp(line).is_some()).collect();
    ordered.sort_by_key(|line| stamp(line));
    for line in lines.iter().filter(|line| line.at.is_some() && stamp(line).is_none()) {
        let before = ordered.iter().position(|other| other.at >= line.at);
        ordered.insert(before.unwrap_or(ordered.len()), line);
    }
    let (planned, last): (Vec<&Line>, Vec<&Line>) =
        lines.iter().filter(|line| line.at.is_none()).partition(|line| line.word == "planned");
    [planned, ordered, last].concat()
}
