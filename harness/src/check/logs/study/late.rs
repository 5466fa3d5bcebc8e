//! A log that may begin late: whether it is an end of some order, or a piece from the middle.

use super::super::explain::{Explained, Log, Question};
use super::super::lack::Lack;
use super::super::sequence::{self, Missing};
use super::{ASIDE, Known, Order, Student, Study, so_far};

impl Student<'_> {
    /// Of a log that may begin late: whether it does, and only that; or whether it is a piece from the
    /// middle. None if neither is so.
    pub(super) fn late(&mut self, lines: &[u32], missing: &Missing) -> Option<Study> {
        let is_whole = |known: &&Known| known.lines.len() == self.sent.total();
        let whole = self.known.iter().find(is_whole).filter(|_| self.shared);
        if let Some(Known { lines: whole, .. }) = whole {
            if whole.ends_with(lines) {
                return Some(Study { order: Order::FitsLate, lack: Lack::Late });
            }
            // The later it stands, the less is missing after it.
            if let Some(at) = sequence::find_last(lines, whole) {
                let lack = Lack::Split {
                    beginning: sequence::counted(&whole[..at]),
                    middle: Missing::new(),
                    end: sequence::counted(&whole[at + lines.len()..]),
                    gap: None,
                };
                return Some(Study { order: Order::FitsPiece, lack });
            }
        }
        let fits_late = Study { order: Order::FitsLate, lack: Lack::Late };
        if self.late.iter().any(|known| known.ends_with(lines)) {
            return Some(fits_late);
        }
        let backwards = |entries: &[u32]| entries.iter().rev().copied().collect::<Vec<u32>>();
        let streams: Vec<Vec<u32>> =
            self.sent.streams.iter().map(|(own, _)| backwards(own)).collect();
        let (log, streams) = (backwards(lines), streams.iter().map(Vec::as_slice).collect());
        match Question::new(streams, Log::beginning(&log)).answer(self.budget) {
            Explained::Yes => {
                self.late.push(lines.to_vec());
                Some(fits_late)
            }
            Explained::Unknown => Some(Study { order: Order::Unknown, lack: Lack::Unclear }),
            Explained::No(_) if self.ask(Log::beginning(lines), ASIDE) == Explained::Yes => {
                Some(so_far(missing))
            }
            Explained::No(_) => {
                let anywhere = Question {
                    anywhere: true,
                    most_work: ASIDE,
                    ..Question::new(self.streams(), Log::beginning(lines))
                };
                let piece = Study { order: Order::FitsPiece, lack: Lack::Untold };
                (anywhere.answer(self.budget) == Explained::Yes).then_some(piece)
            }
        }
    }
}
