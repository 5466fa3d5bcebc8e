//! Random sequences of operations on a disk, on a naive model of one, and, where the power stays, on a
//! plain folder of the file system that the tests run on: all three are the same all along.
//!
//! `HARNESS_DISK_SEQUENCES` says how many, `HARNESS_DISK_SEED` from which seed on.

mod naive;
mod operation;
mod plain;
mod real;

use naive::Naive;
use operation::{Operation, World, sequence};
use plain::Plain;
use real::Real;

use super::{Bench, Kind, name};
use crate::fault::{Directories, Keep};

/// Some seconds of it.
const SEQUENCES: u64 = 3_000;

/// How many run side by side.
const THREADS: u64 = 4;

/// One file, folder or link as anyone sees it: its path, its bytes or where it points, its names.
type Seen = (String, Kind, Vec<u8>, u32);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// In memory where there is such a place: it is files that are made and removed that take long.
fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn a_disk_is_as_a_naive_model_of_one_and_without_a_cut_as_a_plain_folder() {
    let first = number("HARNESS_DISK_SEED", 0);
    let end = first + number("HARNESS_DISK_SEQUENCES", SEQUENCES);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let seeds = (first..end).filter(move |seed| seed % THREADS == thread);
            scope.spawn(move || seeds.for_each(check));
        }
    });
}

/// Runs one sequence. Odd seeds have no cut; of those with cuts, half keep some.
fn check(seed: u64) {
    let directories =
        if (seed / 4).is_multiple_of(2) { Directories::Now } else { Directories::Lazy };
    let keep = [Some(Keep::None), None, Some(Keep::Some), None][(seed % 4) as usize];
    let operations = sequence(seed, keep);
    let mut real = Real::new(directories);
    let mut naive = Naive::new(directories);
    let mut plain = keep.is_none().then(Plain::new);
    for (number, operation) in operations.iter().enumerate() {
        let context = || {
            let line = |operation| format!("\n    {operation:?}");
            let done: String = operations[..=number].iter().map(line).collect();
            format!("HARNESS_DISK_SEED={seed}, {directories:?}:{done}")
        };
        if let Operation::Cut(keep, chance) = operation {
            let forgotten = real.cut(*keep, *chance);
            naive.cut(*keep, &forgotten, &real.bench).unwrap_or_else(|wrong| {
                panic!("{wrong}\n{forgotten:?}\n{}", context());
            });
        } else {
            let expected = naive.apply(operation);
            let is_same = real.apply(operation) == expected;
            assert!(is_same, "not as in the model, {:?}: {}", expected.map(|_| ()), context());
            if let Some(plain) = &mut plain {
                let is_same = plain.apply(operation) == expected;
                assert!(is_same, "the model is not as a plain folder: {}", context());
            }
        }
        if number % 8 == 7
            || number + 1 == operations.len()
            || matches!(operation, Operation::Cut(..))
        {
            let expected = naive.all();
            same(&real.all(), &expected, context);
            if let Some(plain) = &plain {
                same(&plain.all(), &expected, context);
            }
            naive
                .check_behind(&real.bench)
                .unwrap_or_else(|wrong| panic!("{wrong}\n{}", context()));
        }
    }
}

fn same(seen: &[Seen], expected: &[Seen], context: impl Fn() -> String) {
    if seen == expected {
        return;
    }
    let short = |all: &[Seen]| -> Vec<_> {
        let line = |(path, kind, bytes, links): &Seen| {
            format!("{path} {kind:?} {} bytes, {links} links", bytes.len())
        };
        all.iter().map(line).collect()
    };
    let differs = seen.iter().zip(expected).find(|(one, other)| one != other);
    let place = differs.map(|(one, other)| {
        let at = one.2.iter().zip(&other.2).position(|(one, other)| one != other);
        format!("first in {} at {at:?}", other.0)
    });
    panic!("{:#?}\nis not\n{:#?}\n{place:?}\n{}", short(seen), short(expected), context());
}
