//! A line per scenario while it runs: a bar on a terminal, now and then a line of counters where
//! the output is kept.

use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words;

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

/// One scenario's line. Dropping it takes the bar off the screen.
#[derive(Debug)]
pub struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    /// When the next line of counters is due, in the run's time.
    next: Duration,
}

/// The first line of counters comes after this, so that short runs have none; the next ones after
/// twice the time, and at the latest after [`LONGEST`].
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

impl Progress {
    /// Begins the line of a scenario; with `bars` on a terminal, without elsewhere.
    pub(super) fn new(name: &str, bars: Option<&MultiProgress>) -> Self {
        let bar = bars.map(|bars| {
            let template = "{spinner} {msg}  [{bar:24}] {pos:>3}%";
            let style = ProgressStyle::with_template(template)
                .expect("the template is well-formed")
                .progress_chars("=> ");
            let bar = bars.add(ProgressBar::new(100).with_style(style));
            bar.set_message(String::from(name));
            bar
        });
        Self { name: String::from(name), bar, next: FIRST }
    }

    /// Says what keeps the run from beginning.
    pub fn say(&self, what: &str) {
        let name = &self.name;
        match &self.bar {
            Some(bar) => bar.set_message(format!("{name}  {what}")),
            None => {
                let _ = writeln!(std::io::stderr(), "  ...   {name}  {what}");
            }
        }
    }

    /// Says how far the run is, `elapsed` after it began. Call it some times a second.
    pub fn update(&mut self, elapsed: Duration, counts: &Counts) {
        if let Some(bar) = &self.bar {
            bar.set_message(counts.line(&self.name));
            bar.set_position(counts.percent());
        } else if let Some(line) = self.line(elapsed, counts) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// The line of counters, if one is due.
    fn line(&mut self, elapsed: Duration, counts: &Counts) -> Option<String> {
        if elapsed < self.next {
            return None;
        }
        self.next = elapsed + elapsed.min(LONGEST);
        Some(format!("  ...   {}  after {}", counts.line(&self.name), words::time(elapsed)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Counts {
    fn line(&self, name: &str) -> String {
        format!(
            "{name}  sent {} of {}  delivered {} of {}",
            words::number(self.sent),
            words::number(self.planned),
            words::number(self.delivered),
            words::number(self.due),
        )
    }

    /// Of everything that is to be sent and delivered; 100 only when all of it is.
    fn percent(&self) -> u64 {
        let all = self.planned + self.due;
        let done = (self.sent + self.delivered).min(all);
        (done * 100).checked_div(all).unwrap_or(100)
    }
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
