//! Several small numbers in a few words: a way to read the logs, as small as it can be.

/// A way: where each stream is, and how much of each log was left out.
pub(super) type State<const WORDS: usize> = [u64; WORDS];

/// Where one of the numbers stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    word: usize,
    shift: u32,
    mask: u64,
}

impl Field {
    #[expect(clippy::cast_possible_truncation, reason = "a length of a slice was put in")]
    pub(super) fn get<const WORDS: usize>(self, state: &State<WORDS>) -> usize {
        (state[self.word] >> self.shift & self.mask) as usize
    }

    /// Adds to the number, which must not become greater than the field was made for.
    pub(super) fn add<const WORDS: usize>(self, state: &mut State<WORDS>, more: usize) {
        state[self.word] += (more as u64) << self.shift;
    }
}

/// Gives each number its field; none reaches over two words.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Words that are full, and bits of the next one.
    full: usize,
    used: u32,
}

impl Layout {
    /// A field for numbers up to `most`.
    pub(super) fn field(&mut self, most: usize) -> Field {
        let bits = usize::BITS - most.leading_zeros();
        if bits == 0 {
            return Field { word: 0, shift: 0, mask: 0 };
        }
        if self.used + bits > u64::BITS {
            self.full += 1;
            self.used = 0;
        }
        let field =
            Field { word: self.full, shift: self.used, mask: u64::MAX >> (u64::BITS - bits) };
        self.used += bits;
        field
    }

    pub(super) fn words(&self) -> usize {
        self.full + usize::from(self.used > 0)
    }
}
