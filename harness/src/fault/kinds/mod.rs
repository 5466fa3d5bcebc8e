//! The kinds of fault. A new one is a file here and its row in [`KINDS`]: what it is called, what it
//! can be about, what it does, and how a producer sees it.

pub mod black_hole;
pub mod crash;
pub mod cut;
pub mod disk_full;
pub mod drop_ack;
pub mod fail_fsync;
pub mod isolate;
pub mod kill;
pub mod pause;
pub mod power;
pub mod rot;
pub mod slow;
pub mod slow_disk;
pub mod stop;

use super::definition::Definition;

/// All of them, in the order in which messages name them.
pub static KINDS: &[&Definition] = &[
    &kill::KILL,
    &pause::PAUSE,
    &stop::STOP,
    &isolate::ISOLATE,
    &drop_ack::DROP_ACK,
    &cut::CUT,
    &black_hole::BLACK_HOLE,
    &slow::SLOW,
    &crash::CRASH,
    &power::POWER,
    &disk_full::DISK_FULL,
    &slow_disk::SLOW_DISK,
    &fail_fsync::FAIL_FSYNC,
    &rot::ROT,
];

/// The keys of some of them: `` `cut`, `slow` and `crash` ``.
pub(super) fn keys(which: impl Fn(&Definition) -> bool) -> String {
    let kinds = KINDS.iter().filter(|kind| which(kind));
    listed(kinds.map(|kind| format!("`{}`", kind.key)), "and")
}

/// `a, b and c`.
pub(crate) fn listed(words: impl Iterator<Item = String>, and: &str) -> String {
    match words.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {and} {last}", most.join(", ")),
    }
}
