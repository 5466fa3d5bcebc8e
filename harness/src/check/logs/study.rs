//! Where payloads repeat: whether each log can be what its consumer got, and where what it lacks is
//! missing.
//!
//! What is dear is the search for an order. So what is known already is used first: a log that is
//! equal to one that is explained, or its beginning, or what is left of it when lines are taken out, is
//! explained too. Where consumers share one order, logs that lack different lines are put together
//! first, for what all of them have may be whole. Of what then is missing it is first tried whether
//! only an end is.

mod late;

use super::explain::{Explained, Log, Question};
use super::feed::Feed;
use super::lack::{self, Lack};
use super::sent::Sent;
use super::sequence::{self, Missing};
use crate::check::outcome::Promise;
use crate::scenario::AnomalyKind;

/// What a search may cost whose outcome adds to what is known already, but does not decide; half a
/// second.
const ASIDE: u64 = 100_000_000;

/// So many missing lines before the last are tried one by one.
const FEW: usize = 3;

/// What is known of the order of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// None is promised, or there is nothing to judge.
    #[default]
    Unjudged,
    /// Some order of the messages gives it.
    Fits,
    /// Some order gives it, if what it lacks is left out.
    FitsBut,
    /// Some order begins with it.
    FitsSoFar,
    /// Some order ends with it.
    FitsLate,
    /// Some order has it in the middle.
    FitsPiece,
    /// None gives it; up to this place (from 0) one does.
    Broken(usize),
    /// It would take too long to find out.
    Unknown,
    /// Which lines repeat others cannot be known.
    TooMany,
}

/// What is known of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Study {
    pub(super) order: Order,
    pub(super) lack: Lack,
}

/// A log that is explained, or several that were put together.
struct Known {
    lines: Vec<u32>,
    /// So many of its lines begin some order.
    begins: usize,
    /// What came of it.
    study: Study,
}

/// What is known of all logs of a topic.
pub(super) struct Studied {
    /// Of each log.
    pub(super) studies: Vec<Study>,
    /// Whether some order gives the logs put together, and so each of them.
    pub(super) merged_fits: bool,
}

/// Studies each feed. `merged` is what the logs come to when they are put
/// together.
pub(super) fn judge(
    sent: &Sent<'_>,
    feeds: &[Feed<'_>],
    merged: Option<&[u32]>,
    budget: &mut u64,
) -> Studied {
    let mut studies = vec![Study::default(); feeds.len()];
    if !sent.judges(Promise::AckedOrder, AnomalyKind::Reordered) {
        for (study, feed) in studies.iter_mut().zip(feeds) {
            study.lack = lack::in_any_order(sent, feed, feeds);
        }
        return Studied { studies, merged_fits: false };
    }
    let mut student = Student {
        sent,
        shared: sent.judges(Promise::OneOrder, AnomalyKind::Divergent),
        budget,
        known: Vec::new(),
        late: Vec::new(),
        vain: Vec::new(),
    };
    let mut longest: Vec<usize> = (0..feeds.len()).collect();
    longest.sort_by_key(|place| std::cmp::Reverse(feeds[*place].lines.len()));
    let merged_fits = student.shared && merged.is_some_and(|lines| student.explains(lines));
    for place in longest {
        let feed = &feeds[place];
        if !feed.lines.is_empty() {
            studies[place] = student.study(feed);
        }
    }
    Studied { studies, merged_fits }
}

struct Student<'a> {
    sent: &'a Sent<'a>,
    /// Whether all consumers are promised one order, so that one log shows what another lacks.
    shared: bool,
    budget: &'a mut u64,
    known: Vec<Known>,
    /// Logs with which some order ends.
    late: Vec<Vec<u32>>,
    /// What was searched without finding an order, and what came of it.
    vain: Vec<(Vec<u32>, Study)>,
}

impl<'a> Student<'a> {
    fn study(&mut self, feed: &Feed<'_>) -> Study {
        let study = self.plainly(feed);
        if self.sent.is_vague() && !matches!(study.order, Order::Fits | Order::FitsLate) {
            return Study { order: Order::TooMany, lack: Lack::Unclear };
        }
        study
    }

    fn plainly(&mut self, feed: &Feed<'_>) -> Study {
        let lines = feed.payloads();
        let extra = feed.extra(self.sent);
        let lacking: usize = feed.missing(self.sent).iter().map(|(_, count)| count).sum();
        if extra > 0 {
            let log = Log { lines: &lines, missing: lacking, extra };
            let order = match self.ask(log, ASIDE) {
                Explained::No(place) => Order::Broken(place),
                Explained::Yes | Explained::Unknown => Order::TooMany,
            };
            let lack = if self.sent.prefix_may_miss { Lack::Unclear } else { Lack::Untold };
            return Study { order, lack };
        }
        if lacking > 0
            && self.sent.prefix_may_miss
            && let Some(study) = self.late(&lines, &feed.missing(self.sent))
        {
            return study;
        }
        match self.by_known(&lines, &feed.missing(self.sent)) {
            Some(study) => study,
            None => self.search(&lines),
        }
    }

    /// Whether some order gives logs that were put together. Where they may begin late it is only
    /// tried whether one begins with them: each is searched by itself after that.
    fn explains(&mut self, merged: &[u32]) -> bool {
        if !self.sent.prefix_may_miss {
            return !matches!(self.search(merged).order, Order::Broken(_) | Order::Unknown);
        }
        let begins = self.ask(Log::beginning(merged), u64::MAX) == Explained::Yes;
        if begins {
            self.know(merged, merged.len(), &so_far(&self.sent.missing_from(merged)));
        }
        begins
    }

    /// What follows from a log that is explained already.
    fn by_known(&self, lines: &[u32], missing: &Missing) -> Option<Study> {
        let mut beginnings = self.known.iter().filter(|known| known.lines.starts_with(lines));
        if let Some(known) = beginnings.next() {
            if lines.len() <= known.begins {
                return Some(so_far(missing));
            }
            if lines.len() == known.lines.len() {
                return Some(known.study.clone());
            }
            let lack = Lack::Before { from: known.begins, least: 1, exact: false };
            return Some(Study { order: Order::FitsBut, lack });
        }
        let holds = |known: &&Known| sequence::is_part(lines, &known.lines);
        let holders: Vec<&Known> = self.known.iter().filter(holds).collect();
        holders.first()?;
        // Only one whose own order is known to its end shows what is missing where.
        let whole = holders.iter().find(|known| known.begins == known.lines.len());
        let shows = whole.filter(|_| self.shared);
        let lack = shows.map_or(Lack::Untold, |known| split(lines, &known.lines, missing));
        Some(Study { order: Order::FitsBut, lack })
    }

    /// Searches for an order, and keeps what comes of it.
    fn search(&mut self, lines: &[u32]) -> Study {
        if let Some((_, study)) = self.vain.iter().find(|(same, _)| same == lines) {
            return study.clone();
        }
        let study = self.search_anew(lines);
        if matches!(study.order, Order::Broken(_) | Order::Unknown) {
            self.vain.push((lines.to_vec(), study.clone()));
        }
        study
    }

    fn search_anew(&mut self, lines: &[u32]) -> Study {
        let missing = self.sent.missing_from(lines);
        let lacking: usize = missing.iter().map(|(_, count)| count).sum();
        let begins = self.ask(Log::beginning(lines), u64::MAX);
        match begins {
            Explained::Yes => {
                let study = so_far(&missing);
                self.know(lines, lines.len(), &study);
                study
            }
            Explained::No(place) if lacking == 0 => {
                Study { order: Order::Broken(place), lack: Lack::Untold }
            }
            Explained::Unknown => Study { order: Order::Unknown, lack: Lack::Untold },
            Explained::No(from) => self.with_gaps(lines, lacking, from),
        }
    }

    /// Of a log that cannot be a beginning: how many have to be missing before its last line.
    fn with_gaps(&mut self, lines: &[u32], lacking: usize, from: usize) -> Study {
        // Where a log may begin late, few mostly are not enough.
        let few = if self.sent.prefix_may_miss { 0 } else { FEW };
        let mut tried: Vec<usize> = (1..=few.min(lacking)).collect();
        if lacking > few {
            tried.push(lacking);
        }
        let mut broken = from;
        for missing in tried {
            let lack = |exact| Lack::Before { from, least: missing.min(few + 1), exact };
            match self.ask(Log { lines, missing, extra: 0 }, ASIDE) {
                Explained::Yes => {
                    let study = Study { order: Order::FitsBut, lack: lack(missing <= few) };
                    self.know(lines, from, &study);
                    return study;
                }
                Explained::Unknown => {
                    return Study { order: Order::Unknown, lack: lack(false) };
                }
                Explained::No(place) => broken = place,
            }
        }
        Study { order: Order::Broken(broken), lack: Lack::Untold }
    }

    fn know(&mut self, lines: &[u32], begins: usize, study: &Study) {
        self.known.push(Known { lines: lines.to_vec(), begins, study: study.clone() });
    }

    fn ask(&mut self, log: Log<'_>, most_work: u64) -> Explained {
        let question = Question { most_work, ..Question::new(self.streams(), log) };
        question.answer(self.budget)
    }

    fn streams(&self) -> Vec<&'a [u32]> {
        self.sent.streams.iter().map(|(own, _)| own.as_slice()).collect()
    }
}

/// Of a log with which some order begins.
fn so_far(missing: &Missing) -> Study {
    if missing.is_empty() {
        return Study { order: Order::Fits, lack: Lack::Untold };
    }
    let (beginning, middle) = (Missing::new(), Missing::new());
    let lack = Lack::Split { beginning, middle, end: missing.clone(), gap: None };
    Study { order: Order::FitsSoFar, lack }
}

/// What is missing of `lines` before its last one and after it, where `whole` has all of it.
fn split(lines: &[u32], whole: &[u32], missing: &Missing) -> Lack {
    let places = sequence::embedding(lines, whole).unwrap_or_default();
    let Some(last) = places.last().copied() else { return Lack::Untold };
    let gap = (0..).zip(&places).find(|(own, place)| own != *place).map(|(own, _)| own);
    let middle = sequence::without(&sequence::counted(&whole[..=last]), &sequence::counted(lines));
    let end = sequence::without(missing, &middle);
    Lack::Split { beginning: Missing::new(), middle, end, gap }
}
