//! A line per scenario while it runs: a bar on a terminal, now and then a line of counters where
//! the output is kept.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use rustix::termios::tcgetwinsize;

use super::words;

/// How far something is.
pub trait Measure {
    /// `412 of 1,000 seeds`.
    fn words(&self) -> String;
    /// From 0 to 100.
    fn percent(&self) -> u64;
    /// What the rate counts.
    fn done(&self) -> u64;
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages whose outcome is known.
    pub sent: u64,
    /// Messages that the plan sends.
    pub planned: u64,
    /// Deliveries so far, over all consumers.
    pub delivered: u64,
    /// Deliveries that the plan leads to.
    pub due: u64,
}

/// How far many runs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What one of them is called: `seed` or `run`.
    pub noun: &'static str,
    /// So many have ended.
    pub done: u64,
    /// When there are enough.
    pub goal: Goal,
    /// So many of those that have ended did not pass.
    pub without_pass: u64,
}

/// When there are enough runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// At so many.
    Count(u64),
    /// When all of this time is over, of which so much is.
    Time {
        /// What is over.
        over: Duration,
        /// All of it.
        all: Duration,
    },
    /// When one does not pass.
    Open,
}

/// One scenario's line. Dropping it takes the bar off the screen.
#[derive(Debug)]
pub struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    /// When the next line of counters is due, in the run's time.
    next: Duration,
    is_silent: bool,
}

/// The first line of counters comes after this, so that short runs have none; the next ones after
/// twice the time, and at the latest after [`LONGEST`].
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// Between two redraws of a bar whose counts stand still, for its time goes on.
const TICK: Duration = Duration::from_millis(100);

/// The cells of a bar between its brackets.
const CELLS: usize = 20;

/// What a bar has before its message: the spinner and a time such as `12.3 s`. With a longer time the
/// end of the message is cut off.
const BESIDE: usize = 11;

/// Where the width of the terminal is not known.
const USUAL_WIDTH: usize = 80;

impl Progress {
    /// Begins the line of a scenario; with `bars` on a terminal, without elsewhere.
    pub(super) fn new(name: &str, bars: Option<&MultiProgress>) -> Self {
        let bar = bars.map(|bars| {
            let time = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
                let _ = to.write_str(&words::time(state.elapsed()));
            };
            let style = ProgressStyle::with_template("{spinner} {time}  {wide_msg}")
                .expect("the template is well-formed")
                .with_key("time", time);
            let bar = bars.add(ProgressBar::new(100).with_style(style));
            bar.enable_steady_tick(TICK);
            bar.set_message(String::from(name));
            bar
        });
        Self { name: String::from(name), bar, next: FIRST, is_silent: false }
    }

    /// One that says nothing.
    pub(super) fn silent() -> Self {
        Self { name: String::new(), bar: None, next: FIRST, is_silent: true }
    }

    /// Says what keeps the run from beginning.
    pub fn say(&self, what: &str) {
        let name = &self.name;
        match &self.bar {
            Some(bar) => bar.set_message(format!("{name}  {what}")),
            None if self.is_silent => {}
            None => {
                let _ = writeln!(io::stderr(), "  ...   {name}  {what}");
            }
        }
    }

    /// Says how far it is, `elapsed` after it began. Call it some times a second.
    pub fn update(&mut self, elapsed: Duration, measure: &dyn Measure) {
        if let Some(bar) = &self.bar {
            let room = width().saturating_sub(BESIDE);
            bar.set_message(message(&self.name, elapsed, measure, room));
        } else if let Some(line) = self.line(elapsed, measure) {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// The line of counters, if one is due.
    fn line(&mut self, elapsed: Duration, measure: &dyn Measure) -> Option<String> {
        if elapsed < self.next || self.is_silent {
            return None;
        }
        self.next = elapsed + elapsed.min(LONGEST);
        let (name, words) = (&self.name, measure.words());
        Some(format!("  ...   {name}  {words}  after {}", words::time(elapsed)))
    }
}

/// A bar's message in so many columns: first what is always there, then what there is room for.
fn message(name: &str, elapsed: Duration, measure: &dyn Measure, room: usize) -> String {
    let percent = measure.percent().min(100);
    let always = format!("{percent:>3}%  {}/s", rate(measure.done(), elapsed));
    let short = room.saturating_sub(always.len() + 2);
    let name: String = name.chars().take(short.max(1)).collect();
    let mut message = format!("{name}  {always}");
    let full = CELLS * usize::try_from(percent).unwrap_or(0) / 100;
    let head = if full < CELLS { ">" } else { "" };
    let bar = format!("  [{:<CELLS$}]", "=".repeat(full) + head);
    let words = format!("  {}", measure.words());
    let left = room.saturating_sub(message.chars().count());
    let (bar_width, words_width) = (bar.chars().count(), words.chars().count());
    // The counts say more than the bar does.
    if bar_width <= left.saturating_sub(words_width) || (words_width > left && bar_width <= left) {
        message.push_str(&bar);
    }
    if words_width <= left {
        message.push_str(&words);
    }
    message
}

/// So many a second: with decimals where there are few.
fn rate(done: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    #[expect(clippy::cast_possible_truncation, reason = "a rate for people")]
    #[expect(clippy::cast_sign_loss, reason = "a rate is not negative")]
    let whole = rate.round() as u64;
    match rate {
        _ if done == 0 || rate >= 9.95 => words::number(whole),
        _ if rate >= 0.995 => format!("{rate:.1}"),
        _ => format!("{rate:.2}"),
    }
}

/// The columns of the terminal that bars are on.
fn width() -> usize {
    let size = tcgetwinsize(io::stderr()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(USUAL_WIDTH)
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Measure for Counts {
    fn words(&self) -> String {
        format!(
            "sent {} of {}  delivered {} of {}",
            words::number(self.sent),
            words::number(self.planned),
            words::number(self.delivered),
            words::number(self.due),
        )
    }

    /// Of everything that is to be sent and delivered; 100 only when all of it is.
    fn percent(&self) -> u64 {
        percent(self.sent + self.delivered, self.planned + self.due)
    }

    fn done(&self) -> u64 {
        self.delivered
    }
}

impl Measure for Tried {
    fn words(&self) -> String {
        let mut words = match self.goal {
            Goal::Count(all) => {
                format!("{} of {}", words::number(self.done), words::count(all, self.noun))
            }
            Goal::Time { .. } | Goal::Open => words::count(self.done, self.noun),
        };
        if self.without_pass > 0 {
            let _ = write!(words, ", {} without a pass", words::number(self.without_pass));
        }
        if let Goal::Time { over, all } = self.goal {
            let _ = write!(words, ", {} left", words::time(all.saturating_sub(over)));
        }
        words
    }

    fn percent(&self) -> u64 {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self.goal {
            Goal::Count(all) => percent(self.done, all),
            Goal::Time { over, all } => percent(millis(over), millis(all)),
            Goal::Open => 0,
        }
    }

    fn done(&self) -> u64 {
        self.done
    }
}

fn percent(done: u64, all: u64) -> u64 {
    let part = (u128::from(done.min(all)) * 100).checked_div(u128::from(all)).unwrap_or(100);
    u64::try_from(part).unwrap_or(100)
}

/// Bars on stderr, all scenarios' together.
pub(super) fn bars() -> MultiProgress {
    MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_counters_are_sparse_and_short_runs_have_none() {
        let mut progress = Progress::new("5p3c", None);
        let counts = Counts { sent: 1200, planned: 4965, delivered: 3000, due: 14895 };
        let seconds: Vec<u64> = (0..400)
            .filter(|second| progress.line(Duration::from_secs(*second), &counts).is_some())
            .collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 140, 200, 260, 320, 380]);
        assert_eq!(
            progress.line(Duration::from_secs(440), &counts).unwrap(),
            "  ...   5p3c  sent 1,200 of 4,965  delivered 3,000 of 14,895  after 7 min 20 s"
        );
    }

    #[test]
    fn a_bar_has_its_rate_in_any_width_and_never_takes_more() {
        let counts = Counts { sent: 1200, planned: 4965, delivered: 3000, due: 14895 };
        let goal = Goal::Count(1000);
        let tried = Tried { noun: "seed", done: 412, goal, without_pass: 2 };
        let elapsed = Duration::from_secs(2);
        let line = |measure: &dyn Measure, room| message("5p3c", elapsed, measure, room);
        let both = "5p3c   21%  1,500/s  [====>               ]  \
                    sent 1,200 of 4,965  delivered 3,000 of 14,895";
        assert_eq!(line(&counts, 91), both);
        assert_eq!(
            line(&counts, 69),
            "5p3c   21%  1,500/s  sent 1,200 of 4,965  delivered 3,000 of 14,895"
        );
        let words = "5p3c   41%  206/s  412 of 1,000 seeds, 2 without a pass";
        assert_eq!(line(&tried, 60), words);
        assert_eq!(line(&tried, 50), "5p3c   41%  206/s  [========>           ]");
        assert_eq!(line(&tried, 20), "5p3c   41%  206/s");
        assert_eq!(line(&tried, 14), "5   41%  206/s");
        for room in 14..200 {
            for measure in [&counts as &dyn Measure, &tried] {
                let long = message(&"long-name ".repeat(9), elapsed, measure, room);
                assert!(long.chars().count() <= room.max(17), "{room}: {long}");
                assert!(long.contains("/s"), "{room}: {long}");
            }
        }
        let goal = Goal::Time { over: Duration::from_secs(150), all: Duration::from_secs(600) };
        let timed = Tried { noun: "run", done: 40, goal, without_pass: 0 };
        assert_eq!(line(&timed, 60), "5p3c   25%  20/s  40 runs, 7 min 30 s left");
        let goal = Goal::Count(u64::MAX);
        let whole = Tried { noun: "seed", done: u64::MAX, goal, without_pass: 0 };
        assert!(line(&whole, 200).contains("100%") && line(&whole, 200).contains(&"=".repeat(20)));
    }

    #[test]
    fn a_low_rate_has_decimals() {
        let check = |done, seconds, text: &str| {
            assert_eq!(rate(done, Duration::from_secs(seconds)), text);
        };
        check(0, 0, "0");
        check(12, 67, "0.18");
        check(30, 20, "1.5");
        check(2400, 2, "1,200");
    }

    #[test]
    fn a_run_is_at_100_percent_only_when_all_is_delivered() {
        let percent =
            |sent, delivered| Counts { sent, planned: 500, delivered, due: 500 }.percent();
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(500, 499), 99);
        assert_eq!(percent(500, 500), 100);
        assert_eq!(percent(500, 700), 100, "duplicates do not go past the end");
        assert_eq!(Counts::default().percent(), 100);
    }
}
