//! Chance that follows from the seed: the same on every machine and in every version.
//!
//! The generator's values are promised to be stable; those of `rand`'s distributions are not, so
//! the two that are needed are made here.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// What a stream of chance is for; each has its own, so that one more use does not change others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The payloads of a producer.
    Payloads = 1,
    /// The pauses of a producer.
    Pauses = 2,
    /// The log of a producer that `harness generate` makes.
    Logs = 3,
}

/// The generator of one producer for one purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose, number: u32) -> Pcg64Mcg {
    let place = (purpose as u64) << 32 | u64::from(number);
    Pcg64Mcg::seed_from_u64(mix(seed ^ mix(place)))
}

/// A number from `min` to `max`, both included, all as likely (to one part in 2^32).
pub(crate) fn between(generator: &mut impl Rng, min: u32, max: u32) -> u32 {
    let range = u128::from(max - min) + 1;
    let above = (u128::from(generator.next_u64()) * range) >> 64;
    min + u32::try_from(above).expect("it is below the range, which fits")
}

/// Appends so many ASCII characters without blanks.
pub(crate) fn text(generator: &mut impl Rng, len: u32, to: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut left = len as usize;
    while left > 0 {
        let mut bits = generator.next_u64();
        // Ten characters of six bits each are what 64 bits hold.
        let mut chunk = [0; 10];
        for letter in &mut chunk {
            *letter = LETTERS[(bits & 63) as usize];
            bits >>= 6;
        }
        let part = &chunk[..left.min(10)];
        to.push_str(std::str::from_utf8(part).expect("the letters are ASCII"));
        left -= part.len();
    }
}

/// The finaliser of splitmix64: seeds that differ in one bit lead to unrelated generators.
fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}
