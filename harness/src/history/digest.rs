//! A number for a whole history: two runs that differ in anything have different ones.

use std::io::{self, Write};

use super::{History, json};
use crate::plan::Plan;

/// FNV-1a with 64 bits over the history as JSON lines.
#[must_use]
pub fn digest(plan: &Plan, history: &History) -> u64 {
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    json::write(plan, history, &mut hash).expect("a number can always be written to");
    hash.0
}

struct Hash(u64);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mix =
            |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 = bytes.iter().fold(self.0, mix);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::digest;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, plan};

    #[test]
    fn one_nanosecond_makes_another_digest() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        let before = digest(&plan, &history);
        assert_eq!(before, digest(&plan, &complete(&plan)));
        history.consumers[0].polls[0].completed.at += 1;
        assert_ne!(before, digest(&plan, &history));
    }
}
