//! What a fault of the storage did to the disk, over all its firings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::fault::{Effect, StorageFault};
use crate::history::{self, Forgotten};
use crate::numbers::{count, number};
use crate::plan::Plan;

/// So many firings are told apart for people; the reports for programs have all.
const FIRINGS_MAX: usize = 10;

/// So many files that forgot most are told.
const FILES_MAX: usize = 3;

/// What a fault of the storage did to the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OnDisk {
    /// What power cuts forgot, all together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Forgotten>,
    /// The bytes that each of them forgot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<u64>,
    /// Where bits flipped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flipped: Vec<Flipped>,
    /// How often they were to flip, and no acked message was found on the disk.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_found: u64,
    /// Why the server was started again when the fault was over, each time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restarted: Vec<String>,
    /// The server does not start again: how it ended, with its last lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub does_not_start: Option<String>,
}

/// Bits that flipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Flipped {
    /// Whose bytes they are in: `P4#17`.
    pub message: String,
    /// The file's path in the server's folder.
    pub file: String,
    /// Where in the file the first of them is, in bytes.
    pub offset: u64,
    /// How many.
    pub bits: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl OnDisk {
    /// Takes in one more firing.
    pub(super) fn add(&mut self, plan: &Plan, effect: &Effect, own: &history::OnDisk) {
        if let Some(forgotten) = &own.forgotten {
            self.each.push(forgotten.bytes);
            add_to(self.forgotten.get_or_insert_default(), forgotten);
        }
        match &own.rotten {
            Some(rotten) => self.flipped.push(Flipped {
                message: plan.name(rotten.message).to_string(),
                file: rotten.file.clone(),
                offset: rotten.offset,
                bits: rotten.bits,
            }),
            None if matches!(effect, Effect::Storage(StorageFault::Rot { .. })) => {
                self.not_found += 1;
            }
            None => {}
        }
        self.restarted.extend(own.restarted.clone());
        self.does_not_start = self.does_not_start.take().or_else(|| own.gone.clone());
    }

    /// In a few words each: `forgot 123,456 bytes in 3 files (most: a/1.blk 120,000)`.
    pub fn words(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(forgotten) = &self.forgotten {
            parts.push(format!("forgot {}", forgotten.words()));
        }
        if self.each.len() > 1 {
            let shown: Vec<_> = self.each.iter().take(FIRINGS_MAX).copied().map(number).collect();
            let more = if self.each.len() > FIRINGS_MAX { " .." } else { "" };
            parts.push(format!("by cut {}{more}", shown.join(" ")));
        }
        let flipped = self.flipped.iter().take(FIRINGS_MAX).map(|own| {
            let (bits, offset) = (count(own.bits.into(), "bit"), number(own.offset));
            format!("flipped {bits} of {} in {} at {offset}", own.message, own.file)
        });
        parts.extend(flipped);
        if self.not_found > 0 {
            parts.push("found no acked message on the disk".to_owned());
        }
        match self.restarted.as_slice() {
            [] => {}
            [one] => parts.push(format!("started again: {}", first_line(one))),
            [first, ..] => {
                let (times, first) = (number(self.restarted.len() as u64), first_line(first));
                parts.push(format!("started again {times} times, at first: {first}"));
            }
        }
        if self.does_not_start.is_some() {
            parts.push("the server does not start any more".to_owned());
        }
        parts
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches(':')
}

/// Sums; of each cut the files are others.
fn add_to(sum: &mut Forgotten, own: &Forgotten) {
    sum.bytes += own.bytes;
    sum.files += own.files;
    sum.noise += own.noise;
    sum.kept += own.kept;
    sum.names += own.names;
    let mut most: BTreeMap<String, u64> = BTreeMap::new();
    for (file, bytes) in sum.most.drain(..).chain(own.most.iter().cloned()) {
        *most.entry(file).or_default() += bytes;
    }
    sum.most = most.into_iter().collect();
    sum.most.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    sum.most.truncate(FILES_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Power;
    use crate::fixture::{SMALL, SMALL_LOGS, plan};
    use crate::history::Rotten;
    use crate::plan::MessageId;

    const POWER: Effect = Effect::Storage(StorageFault::Power(Power::PLAIN));
    const ROT: Effect = Effect::Storage(StorageFault::Rot { bits: 1 });

    /// What firings of one fault come to.
    fn words(effect: &Effect, firings: &[history::OnDisk]) -> String {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut sum = OnDisk::default();
        firings.iter().for_each(|own| sum.add(&plan, effect, own));
        sum.words().join(", ")
    }

    fn cut(bytes: u64, most: &[(&str, u64)]) -> history::OnDisk {
        let most: Vec<_> = most.iter().map(|(file, bytes)| ((*file).to_owned(), *bytes)).collect();
        let files = most.len() as u64;
        let forgotten = Some(Forgotten { bytes, files, most, ..Forgotten::default() });
        history::OnDisk { forgotten, ..history::OnDisk::default() }
    }

    fn of(forgotten: Forgotten) -> String {
        let forgotten = Some(forgotten);
        words(&POWER, &[history::OnDisk { forgotten, ..history::OnDisk::default() }])
    }

    #[test]
    fn a_cut_says_what_it_forgot() {
        let most = [("jetstream/1.blk", 120_000), ("jetstream/state", 3_456)];
        let said = "forgot 123,456 bytes in 2 files (most: jetstream/1.blk 120,000)";
        assert_eq!(words(&POWER, &[cut(123_456, &most)]), said);
        assert_eq!(words(&POWER, &[cut(1, &[("a", 1)])]), "forgot 1 byte in 1 file");
        let nothing = Forgotten::default();
        assert_eq!(of(nothing.clone()), "forgot nothing");
        assert_eq!(
            of(Forgotten { noise: 812, ..nothing.clone() }),
            "forgot nothing but 812 bytes of files that the server does not need"
        );
        assert_eq!(
            of(Forgotten { bytes: 5, files: 1, names: 2, kept: 4_096, ..nothing.clone() }),
            "forgot 5 bytes in 1 file and 2 names of files, kept 4,096 bytes by chance"
        );
        assert_eq!(of(Forgotten { kept: 1, ..nothing }), "forgot nothing, kept 1 byte by chance");
    }

    #[test]
    fn several_cuts_are_summed_and_told_apart() {
        let cuts = [cut(9, &[("a", 5), ("b", 4)]), cut(0, &[]), cut(4, &[("b", 3), ("c", 1)])];
        let said = "forgot 13 bytes in 4 files (most: b 7), by cut 9 0 4";
        assert_eq!(words(&POWER, &cuts), said);
        let many = vec![cut(1, &[("a", 1)]); 12];
        let said = words(&POWER, &many);
        assert!(said.ends_with("by cut 1 1 1 1 1 1 1 1 1 1 .."), "{said}");
    }

    #[test]
    fn rot_says_what_it_flipped_or_that_it_found_nothing() {
        let file = "data/x".to_owned();
        let rotten = Some(Rotten { message: MessageId(2), file, offset: 1_234, bits: 2 });
        let flipped = history::OnDisk { rotten, ..history::OnDisk::default() };
        let said = "flipped 2 bits of P1#3 in data/x at 1,234";
        assert_eq!(words(&ROT, std::slice::from_ref(&flipped)), said);
        let none = history::OnDisk::default();
        assert_eq!(words(&ROT, std::slice::from_ref(&none)), "found no acked message on the disk");
        let both = format!("{said}, found no acked message on the disk");
        assert_eq!(words(&ROT, &[flipped, none]), both);
    }

    #[test]
    fn a_server_that_was_started_again_or_cannot_be_is_told() {
        let restarted = Some("it ended with exit status 1; it wrote last:\n  no space".to_owned());
        let again = history::OnDisk { restarted, ..history::OnDisk::default() };
        let full = Effect::Storage(StorageFault::Full);
        let why = "it ended with exit status 1; it wrote last";
        let said = words(&full, std::slice::from_ref(&again));
        assert_eq!(said, format!("started again: {why}"));
        let said = words(&full, &[again.clone(), again]);
        assert_eq!(said, format!("started again 2 times, at first: {why}"));
        let gone = Some("it ended with exit status 1".to_owned());
        let gone = history::OnDisk { gone, ..cut(7, &[("a", 7)]) };
        let said = "forgot 7 bytes in 1 file, the server does not start any more";
        assert_eq!(words(&POWER, &[gone]), said);
    }
}
