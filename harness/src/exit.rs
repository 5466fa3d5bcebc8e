//! The exit codes, and which of several wins. They are an interface: CI pipelines branch on them.

/// The code that `harness` ends with. Of several the greatest stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: everything that ran passed.
    Passed,
    /// 4: nothing was selected.
    NothingSelected,
    /// 3: no verdict: the broker cannot be reached, the drain is undecided, planned sends were not
    /// acked, a check crashed, or what the scenario requires did not happen.
    NoVerdict,
    /// 1: a check or a golden file failed, or a golden file is new and waits for review.
    Failed,
    /// 2: the command line or a scenario is invalid, and nothing was started; or a file cannot be
    /// read or written.
    Usage,
    /// 130: interrupted; what was known is written.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoVerdict => 3,
            Self::NothingSelected => 4,
            Self::Interrupted => 130,
        }
    }

    /// The one that stands for both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::{self, *};

    #[test]
    fn the_gravest_wins_in_either_order() {
        let gravest_first = [Interrupted, Usage, Failed, NoVerdict, NothingSelected, Passed];
        for (rank, grave) in gravest_first.iter().enumerate() {
            for lighter in &gravest_first[rank..] {
                assert_eq!(grave.and(*lighter), *grave);
                assert_eq!(lighter.and(*grave), *grave);
            }
        }
        assert_eq!(gravest_first.map(Exit::code), [130, 2, 1, 3, 4, 0]);
    }
}
