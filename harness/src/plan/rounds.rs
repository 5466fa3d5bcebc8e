//! Rounds: which messages go out together, in which requests, and when.
//!
//! A round is the longest run of next lines with one burst label in which no topic occurs more
//! often than the batch size. It is one request per topic, all of them at once.

use std::num::NonZeroU32;
use std::time::Duration;

use rand_pcg::Pcg64Mcg;

use super::model::{Due, Request, Round, StreamIndex};
use crate::chance;
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
/// float can hold; past this no run gets anyway.
fn after(seconds: f64) -> Duration {
    const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    Duration::try_from_secs_f64(seconds).map_or(FOREVER, |time| time.min(FOREVER))
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).expect("loading bounds times by a day")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chance::{Purpose, generator};

    /// Messages as (stream, burst), cut with a batch size and a pace.
    fn cut(steps: &[(usize, u32)], batch: u32, pace: Pace) -> (Vec<Round>, Vec<Request>) {
        let streams: Vec<StreamIndex> = (0..4).map(StreamIndex).collect();
        // A message a second.
        let steps = (0..).zip(steps).map(|(second, &(stream, burst))| Step {
            stream,
            burst,
            time: Duration::from_secs(second),
        });
        let batch = NonZeroU32::new(batch).unwrap();
        build(steps, &streams, batch, pace, generator(1, Purpose::Pauses, 1))
    }

    /// Each round as its requests, `stream:first+count`.
    fn check(steps: &[(usize, u32)], batch: u32) -> Vec<String> {
        let (rounds, requests) = cut(steps, batch, Pace::None);
        let show = |r: &Request| format!("{}:{}+{}", r.stream.0, r.first, r.count);
        let round = |round: &Round| {
            let requests = &requests[round.requests.start as usize..round.requests.end as usize];
            requests.iter().map(show).collect::<Vec<_>>().join(" ")
        };
        rounds.iter().map(round).collect()
    }

    #[test]
    fn a_burst_over_several_topics_is_one_round() {
        let steps = [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2)];
        assert_eq!(check(&steps, 1), ["0:0+1 1:0+1 2:0+1", "0:1+1 1:1+1"]);
    }

    #[test]
    fn a_burst_on_one_topic_goes_message_by_message() {
        assert_eq!(check(&[(0, 1), (0, 1), (0, 1)], 1), ["0:0+1", "0:1+1", "0:2+1"]);
        assert_eq!(check(&[(0, 1), (0, 1), (0, 1)], 2), ["0:0+2", "0:2+1"]);
    }

    #[test]
    fn a_full_topic_ends_the_round_for_all() {
        let steps = [(0, 1), (1, 1), (0, 1), (0, 1), (1, 1)];
        assert_eq!(check(&steps, 2), ["0:0+2 1:0+1", "0:2+1 1:1+1"]);
    }

    #[test]
    fn a_new_burst_begins_a_round_though_there_is_room() {
        assert_eq!(check(&[(0, 1), (0, 2)], 10), ["0:0+1", "0:1+1"]);
    }

    #[test]
    fn a_recorded_pace_counts_from_the_first_line() {
        let steps = [(0, 1), (1, 1), (0, 2), (0, 3)];
        let (rounds, _) = cut(&steps, 1, Pace::Recorded { speed: 10.0 });
        let due: Vec<Due> = rounds.iter().map(|round| round.due).collect();
        assert_eq!(due, [0, 200, 300].map(|millis| Due::At(Duration::from_millis(millis))));
    }

    #[test]
    fn a_rate_counts_the_messages_before() {
        let steps = [(0, 1), (1, 1), (0, 2), (0, 3)];
        let (rounds, _) = cut(&steps, 1, Pace::Rate(200.0));
        let due: Vec<Due> = rounds.iter().map(|round| round.due).collect();
        assert_eq!(due, [0, 10, 15].map(|millis| Due::At(Duration::from_millis(millis))));
    }

    #[test]
    fn pauses_are_whole_milliseconds_within_their_limits() {
        let steps: Vec<(usize, u32)> = (0..1000).map(|burst| (0, burst)).collect();
        let (min, max) = (Duration::from_millis(2), Duration::from_millis(4));
        let (rounds, _) = cut(&steps, 1, Pace::Uniform { min, max });
        let mut counts = [0; 5];
        for round in &rounds {
            let Due::After(pause) = round.due else { panic!("{round:?}") };
            assert_eq!(pause.subsec_nanos() % 1_000_000, 0);
            counts[usize::try_from(pause.as_millis()).unwrap()] += 1;
        }
        assert!(counts[2..].iter().all(|count| *count > 250), "{counts:?}");
        assert_eq!(counts[..2], [0, 0]);
    }

    proptest! {
        #[test]
        fn every_message_is_in_one_request_in_order_and_rounds_are_as_long_as_they_may_be(
            steps in prop::collection::vec((0..4_usize, 0..3_u32), 0..200),
            batch in 1..5_u32,
        ) {
            let (rounds, requests) = cut(&steps, batch, Pace::None);
            let mut next = [0; 4];
            let mut steps_left = steps.iter().copied().peekable();
            let mut end = 0;
            for round in &rounds {
                prop_assert_eq!(round.requests.start, end);
                end = round.requests.end;
                let mut left = [0; 4];
                for request in &requests[round.requests.start as usize..end as usize] {
                    let stream = request.stream.place();
                    prop_assert_eq!(left[stream], 0, "one request a topic");
                    prop_assert!((1..=batch).contains(&request.count));
                    prop_assert_eq!(request.first, next[stream]);
                    next[stream] += request.count;
                    left[stream] = request.count;
                }
                let full = left.map(|count| count == batch);
                let burst = steps_left.peek().map(|step| step.1);
                while left != [0; 4] {
                    let (stream, label) = steps_left.next().expect("a round holds planned messages");
                    prop_assert_eq!(Some(label), burst);
                    prop_assert!(left[stream] > 0, "messages come in the log's order");
                    left[stream] -= 1;
                }
                if let Some((stream, label)) = steps_left.peek() {
                    prop_assert!(full[*stream] || Some(*label) != burst, "the round could go on");
                }
            }
            prop_assert_eq!(steps_left.next(), None);
            prop_assert_eq!(end as usize, requests.len());
        }
    }
}
