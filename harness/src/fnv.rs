//! FNV-1a with 64 bits: a digest that is the same on every machine and in every version. The
//! parameters are those of its authors (<http://www.isthe.com/chongo/tech/comp/fnv/>).

use std::io::{self, Write};

/// The digest of the bytes so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Goes on with these bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The digest of all bytes so far.
    pub(crate) const fn finish(self) -> u64 {
        self.0
    }
}

/// For what writes itself somewhere.
impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Fnv;

    #[test]
    fn the_authors_test_vectors_hold() {
        let check = |bytes: &[u8], expected| {
            let mut digest = Fnv::default();
            digest.add(bytes);
            assert_eq!(digest.finish(), expected);
        };
        check(b"", 0xcbf2_9ce4_8422_2325);
        check(b"foobar", 0x8594_4171_f739_67e8);
    }
}
