//! One walk over a run's requests and one over its deliveries: all that the figures are made of.

use super::counted::Counted;
use super::line::Line;
use super::scale::Scale;
use super::series::{Lines, Series, TOPICS_MAX};
use super::window::Window;
use crate::history::{
    Answer, Backlog, ConsumerHistory, History, Moment, Nanos, Origin, Origins, Outcome, Sent,
    Stamp, Walk,
};
use crate::parallel;
use crate::plan::{ConsumerIndex, Plan, TopicIndex};

/// All that is counted of a run.
pub(super) struct Tally {
    pub(super) scale: Scale,
    /// When the last outcome was known, or the last delivery came.
    pub(super) active: Nanos,
    /// After the warm-up.
    pub(super) counted: Counted,
    pub(super) retries: u64,
    /// By stream.
    pub(super) sent: Vec<SentCounts>,
    /// By consumer, then topic.
    pub(super) got: Vec<GotCounts>,
    /// By topic: its place among the lines.
    line_of: Vec<usize>,
    lines: Vec<Line>,
    /// By line and bucket.
    backlog: Vec<Vec<u64>>,
}

/// Messages of a producer on a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SentCounts {
    pub(super) sent: u64,
    pub(super) acked: u64,
    /// By the broker.
    pub(super) refused: u64,
    pub(super) never_left: u64,
    pub(super) unknown: u64,
}

/// Messages of a topic at a consumer.
#[derive(Clone, Copy, Debug)]
pub(super) struct GotCounts {
    pub(super) consumer: ConsumerIndex,
    pub(super) topic: TopicIndex,
    /// When its first subscription was confirmed: what may be in the log only since a later moment is
    /// due to it, and of all else the log's order decides.
    confirmed: Option<Stamp>,
    /// Deliveries.
    pub(super) got: u64,
    /// Different messages among them that were acked.
    pub(super) acked: u64,
    /// Acked messages that came, or that were sent after the subscription was confirmed.
    pub(super) due: u64,
}

/// What some consumers got.
struct Part<'a, P> {
    got: Vec<GotCounts>,
    counted: Counted,
    lines: Vec<Line>,
    backlog: Backlog<'a, P>,
}

impl Tally {
    /// Linear in requests and deliveries, on all cores where that pays.
    pub(super) fn of(plan: &Plan, history: &History) -> Self {
        let active = active(history);
        let scale = Scale::of(active);
        let line_of = lines(plan, history);
        let origins = Origins::new(plan, history);
        let line = Line::new(scale.buckets);
        let mut tally = Self {
            scale,
            active,
            counted: Counted::new(Window::new(plan, history)),
            retries: 0,
            sent: vec![SentCounts::default(); plan.streams.len()],
            got: Vec::new(),
            lines: vec![line; line_of.iter().max().map_or(0, |most| most + 1)],
            line_of,
            backlog: Vec::new(),
        };
        for sent in history.producers.iter().flat_map(|part| &part.sends) {
            let topic = plan.streams[sent.stream.place()].topic;
            tally.note_request(sent, topic);
        }
        tally.note_deliveries(plan, history, &origins);
        tally
    }

    fn note_request(&mut self, sent: &Sent, topic: TopicIndex) {
        let count = u64::from(sent.count);
        let own = &mut self.sent[sent.stream.place()];
        let line = &mut self.lines[self.line_of[topic.place()]];
        own.sent += count;
        self.retries += u64::from(sent.attempts.saturating_sub(1));
        line.sent[self.scale.place(sent.invoked.at)] += count;
        match sent.outcome {
            Outcome::Acked { .. } => {
                own.acked += count;
                let bucket = self.scale.place(sent.completed.at);
                let latency = sent.completed.at.saturating_sub(sent.intended);
                line.acked[bucket] += count;
                line.ack[bucket].add(latency, 1);
                self.counted.note_request(sent);
            }
            Outcome::Refused { .. } if sent.never_left() => own.never_left += count,
            Outcome::Refused { .. } => own.refused += count,
            Outcome::Unknown { .. } => own.unknown += count,
        }
    }

    fn note_deliveries(&mut self, plan: &Plan, history: &History, origins: &Origins) {
        let scale = self.scale;
        let place = move |moment: Moment| scale.place(moment.at);
        let backlog = || Backlog::new(origins, self.line_of.clone(), scale.buckets, place);
        let empty = || Part {
            got: Vec::new(),
            counted: Counted::new(self.counted.window().clone()),
            lines: vec![Line::new(scale.buckets); self.lines.len()],
            backlog: backlog(),
        };
        let deliveries = history.consumers.iter().map(|part| part.deliveries.len()).sum();
        let share = parallel::share(history.consumers.len(), deliveries);
        let consumers: Vec<_> = history.consumers.iter().enumerate().collect();
        let shares: Vec<_> = consumers.chunks(share).collect();
        let parts = parallel::map(&shares, deliveries, |share| {
            let mut part = empty();
            let mut walk = Walk::new(plan, origins);
            for (place, consumer) in *share {
                let consumer = (ConsumerIndex::new(*place), *consumer);
                part.note(plan, origins, &mut walk, consumer, (scale, &self.line_of));
            }
            part
        });
        let mut backlog = backlog();
        for part in parts {
            self.got.extend(part.got);
            self.counted.merge(&part.counted);
            backlog.merge(&part.backlog);
            for (own, line) in self.lines.iter_mut().zip(&part.lines) {
                own.merge(line);
            }
        }
        self.backlog = backlog.levels();
    }

    /// Over time; empty where nothing was sent and nothing came.
    pub(super) fn series(&self, plan: &Plan) -> Series {
        let is_empty =
            self.sent.iter().all(|own| own.sent == 0) && self.got.iter().all(|own| own.got == 0);
        if is_empty {
            return Series::default();
        }
        Series { width: self.scale.width(), all: self.all(), topics: self.topics(plan) }
    }

    /// Over all topics.
    fn all(&self) -> Lines {
        let mut all = Line::new(self.scale.buckets);
        self.lines.iter().for_each(|line| all.merge(line));
        let mut backlog = vec![0; self.scale.buckets];
        for line in &self.backlog {
            backlog.iter_mut().zip(line).for_each(|(sum, own)| *sum += own);
        }
        all.finish(backlog)
    }

    /// Those that have lines of their own, in the order of the plan.
    fn topics(&self, plan: &Plan) -> Vec<(String, Lines)> {
        if plan.topics.len() < 2 {
            return Vec::new();
        }
        let topics = plan.topics.iter().zip(&self.line_of).filter(|(_, line)| **line < TOPICS_MAX);
        let lines = topics.map(|(topic, line)| {
            let lines = self.lines[*line].finish(self.backlog[*line].clone());
            (topic.name.to_string(), lines)
        });
        lines.collect()
    }
}

/// When the last outcome was known, or the last delivery came.
pub(super) fn active(history: &History) -> Nanos {
    let sends = history.producers.iter().flat_map(|part| &part.sends);
    let polls = history.consumers.iter().flat_map(|part| &part.polls);
    let brought = polls.filter(|poll| matches!(poll.answer, Answer::Delivered(1..)));
    let ends = sends.map(|sent| sent.completed.at).chain(brought.map(|poll| poll.completed.at));
    ends.max().unwrap_or(0)
}

/// By topic: which line it is counted in. The [`TOPICS_MAX`] with most deliveries have one each, and
/// all others share the next.
fn lines(plan: &Plan, history: &History) -> Vec<usize> {
    let mut delivered = vec![0_u64; plan.topics.len()];
    for part in &history.consumers {
        for poll in &part.polls {
            if let Answer::Delivered(count) = poll.answer {
                let topic = part.subscriptions[poll.subscription as usize].topic;
                delivered[topic.place()] += u64::from(count);
            }
        }
    }
    let mut ranked: Vec<usize> = (0..plan.topics.len()).collect();
    ranked.sort_by_key(|topic| std::cmp::Reverse(delivered[*topic]));
    let mut lines = vec![0; plan.topics.len()];
    for (line, topic) in ranked.into_iter().enumerate() {
        lines[topic] = line.min(TOPICS_MAX);
    }
    lines
}

impl<P: Fn(Moment) -> usize> Part<'_, P> {
    fn note<'h>(
        &mut self,
        plan: &'h Plan,
        origins: &'h Origins,
        walk: &mut Walk<'h>,
        (consumer, part): (ConsumerIndex, &'h ConsumerHistory),
        (scale, line_of): (Scale, &[usize]),
    ) {
        let mut feeds = feeds(plan, consumer, part);
        for feed in &mut feeds {
            let due = origins.on(feed.topic).filter(|own| own.acked.is_some());
            let due = due.filter(|own| feed.surely_gets(own));
            feed.due = due.map(|own| own.count).sum();
        }
        let mut behind = self.backlog.begin(part);
        walk.runs(part, |run| {
            let at = run.poll.completed.at;
            let bucket = scale.place(at);
            let line = &mut self.lines[line_of[run.topic.place()]];
            line.delivered[bucket] += run.count;
            let feed = feeds.binary_search_by_key(&run.topic, |feed| feed.topic);
            let feed = &mut feeds[feed.expect("every topic that is polled has a feed")];
            feed.got += run.count;
            if let Some(origin) = run.origin {
                let latency = at.saturating_sub(origin.intended);
                line.end_to_end[bucket].add(latency, run.count);
                if origin.acked.is_some() {
                    feed.acked += run.firsts;
                    feed.due += if feed.surely_gets(origin) { 0 } else { run.firsts };
                }
            }
            self.counted.note_deliveries(&run);
            self.backlog.note(&mut behind, &run);
        });
        self.backlog.end(behind);
        self.got.extend(feeds);
    }
}

impl GotCounts {
    fn surely_gets(&self, origin: &Origin) -> bool {
        self.confirmed.is_some_and(|confirmed| confirmed < origin.from)
    }
}

/// The topics of a consumer, those of the plan and those that it polled anyway, ascending.
fn feeds(plan: &Plan, consumer: ConsumerIndex, part: &ConsumerHistory) -> Vec<GotCounts> {
    let planned = plan.consumers[consumer.place()].topics.iter().copied();
    let polled = part.subscriptions.iter().map(|claim| claim.topic);
    let mut topics: Vec<TopicIndex> = planned.chain(polled).collect();
    topics.sort_unstable();
    topics.dedup();
    let feed = |topic| {
        let mut claims = part.subscriptions.iter().filter(|claim| claim.topic == topic);
        let confirmed = claims.find_map(|claim| claim.confirmed).map(|moment| moment.stamp);
        GotCounts { consumer, topic, confirmed, got: 0, acked: 0, due: 0 }
    };
    topics.into_iter().map(feed).collect()
}
