//! Rounds: which messages go out together, in which requests, and when.
//!
//! A round is the longest run of next lines with one burst label in which no topic occurs more
//! often than the batch size. It is one request per topic, all of them at once.

use std::num::NonZeroU32;
use std::time::Duration;

use rand_pcg::Pcg64Mcg;

use super::chance;
use super::{Due, Request, Round, StreamIndex};
use crate::scenario::Pace;

/// One message as rounds see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Place of its stream among the producer's.
    pub(super) stream: usize,
    /// Equal for neighbouring lines with one burst label, and for no other neighbours.
    pub(super) burst: u32,
    /// As the log stamps it; nothing for a made-up message.
    pub(super) time: Duration,
}

/// Cuts one producer's messages into rounds.
pub(super) fn build(
    steps: impl Iterator<Item = Step>,
    streams: &[StreamIndex],
    batch: NonZeroU32,
    pace: Pace,
    chance: Pcg64Mcg,
) -> (Vec<Round>, Vec<Request>) {
    let mut builder = Builder {
        sent: vec![0; streams.len()],
        open: vec![None; streams.len()],
        streams,
        pacer: Pacer { pace, chance, origin: None, before: Duration::ZERO },
        rounds: Vec::new(),
        requests: Vec::new(),
    };
    let mut burst = None;
    for (planned, step) in (0..).zip(steps) {
        let full = builder.open[step.stream]
            .is_some_and(|place: usize| builder.requests[place].count == batch.get());
        if full || burst != Some(step.burst) {
            builder.begin(step.time, planned);
            burst = Some(step.burst);
        }
        builder.add(step.stream);
    }
    (builder.rounds, builder.requests)
}

struct Builder<'a> {
    /// By stream: messages that are in a request.
    sent: Vec<u32>,
    /// By stream: its request in the round that is being made.
    open: Vec<Option<usize>>,
    streams: &'a [StreamIndex],
    pacer: Pacer,
    rounds: Vec<Round>,
    requests: Vec<Request>,
}

impl Builder<'_> {
    fn begin(&mut self, time: Duration, planned: u64) {
        self.open.fill(None);
        let start = index(self.requests.len());
        self.rounds.push(Round { due: self.pacer.due(time, planned), requests: start..start });
    }

    fn add(&mut self, stream: usize) {
        if let Some(place) = self.open[stream] {
            self.requests[place].count += 1;
        } else {
            self.open[stream] = Some(self.requests.len());
            let first = self.sent[stream];
            self.requests.push(Request { stream: self.streams[stream], first, count: 1 });
            let round = self.rounds.last_mut().expect("a round was begun before");
            round.requests.end += 1;
        }
        self.sent[stream] += 1;
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a request has a message, and messages are bounded by u32::MAX")
}

/// Says when rounds are due.
struct Pacer {
    pace: Pace,
    chance: Pcg64Mcg,
    /// The time stamp of the producer's first line.
    origin: Option<Duration>,
    /// When the round before was due; stamps that go back do not turn a schedule around.
    before: Duration,
}

impl Pacer {
    /// Of the round whose first line has this stamp and `planned` messages before it.
    fn due(&mut self, time: Duration, planned: u64) -> Due {
        match self.pace {
            Pace::None => Due::Now,
            Pace::Recorded { speed } => {
                let origin = *self.origin.get_or_insert(time);
                let since = time.saturating_sub(origin).as_secs_f64() / speed;
                self.before = self.before.max(after(since));
                Due::At(self.before)
            }
            #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 messages")]
            Pace::Rate(rate) => Due::At(after(planned as f64 / rate)),
            Pace::Uniform { min, max } => {
                let (min, max) = (millis(min), millis(max));
                let pause = chance::between(&mut self.chance, min, max);
                Due::After(Duration::from_millis(pause.into()))
            }
        }
    }
}

/// Loading bounds stamps by the lines of a file, and speeds and rates from below only by what a
/// float can hold; past this nobody waits anyway.
fn after(seconds: f64) -> Duration {
    const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    Duration::try_from_secs_f64(seconds).map_or(FOREVER, |time| time.min(FOREVER))
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).expect("loading bounds times by a day")
}
