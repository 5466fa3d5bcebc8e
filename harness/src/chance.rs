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
    /// What a fault picks.
    Faults = 4,
    /// What a simulated network does to one actor.
    Network = 5,
    /// How long the steps of a simulated database take.
    Database = 6,
    /// The names of the lives of a simulated store.
    Epochs = 7,
    /// How long the steps of a store that is wrong on purpose take.
    Bug = 8,
    /// What a relay does to one actor, or to the database.
    Relay = 9,
    /// Which messages are sabotaged.
    Sabotage = 10,
    /// What survives a power cut on a simulated disk.
    SimulatedDisk = 11,
    /// What a power cut leaves on a real disk, and which bits rot.
    #[cfg(all(target_os = "linux", feature = "storage-faults"))]
    Disk = 12,
}

/// The generator of one producer for one purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose, number: u32) -> Pcg64Mcg {
    let place = (purpose as u64) << 32 | u64::from(number);
    Pcg64Mcg::seed_from_u64(mix(seed ^ mix(place)))
}

/// A number from `min` to `max`, both included, all as likely (to one part in 2^32).
pub(crate) fn between(generator: &mut impl Rng, min: u32, max: u32) -> u32 {
    let above = below(generator.next_u64(), u64::from(max - min) + 1);
    min + u32::try_from(above).expect("it is below the range, which fits")
}

/// A number from 0 to `end`, which is not included, from one that is as likely as any other.
pub(crate) fn below(number: u64, end: u64) -> u64 {
    let above = (u128::from(number) * u128::from(end)) >> 64;
    u64::try_from(above).expect("it is below the end, which fits")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_change_from_version_to_version() {
        let mut chance = generator(1, Purpose::Payloads, 1);
        let mut payload = String::new();
        text(&mut chance, 25, &mut payload);
        let numbers: Vec<u32> = (0..6).map(|_| between(&mut chance, 16, 256)).collect();
        assert_eq!(
            (payload.as_str(), numbers),
            ("b2z3GiNm95thxGnymbWVAQWlS", vec![49, 229, 135, 41, 240, 173])
        );
    }

    #[test]
    fn producers_and_purposes_have_chances_of_their_own() {
        let first = |seed, purpose, number| generator(seed, purpose, number).next_u64();
        let values = std::collections::BTreeSet::from([
            first(1, Purpose::Payloads, 1),
            first(2, Purpose::Payloads, 1),
            first(1, Purpose::Payloads, 2),
            first(1, Purpose::Pauses, 1),
        ]);
        assert_eq!(values.len(), 4);
    }

    #[test]
    fn limits_are_included_and_nothing_beyond_them() {
        let mut chance = generator(7, Purpose::Pauses, 1);
        let drawn: std::collections::BTreeSet<u32> =
            (0..200).map(|_| between(&mut chance, 3, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert_eq!(between(&mut chance, 9, 9), 9);
        let _any = between(&mut chance, 0, u32::MAX);
    }
}
