//! A settled start, and a power cut.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::Arc;

use rand_pcg::Pcg64Mcg;

use super::attributes::Ino;
use super::before::{Before, BeforeFile};
use super::content::{BLOCK, Content, blocks};
use super::sparse;
use super::state::Disk;
use super::surviving;
use crate::chance::{Purpose, generator};
use crate::fault::Keep;
use crate::history::Forgotten;
use crate::lock::lock;

impl Disk {
    /// The clock begins.
    pub fn start_clock(&self) {
        self.clock.start();
    }

    /// What was written so far is from before the run; where `durable`, all of it is durable.
    ///
    /// # Errors
    /// A backing file cannot be written.
    pub fn settle(&self, durable: bool) -> io::Result<()> {
        let mut names = lock(&self.names);
        if durable {
            names.carry_all();
        }
        let gone = names.sweep();
        let files: Vec<_> = names.inodes.values().map(Arc::clone).collect();
        drop(names);
        for content in gone.iter().filter_map(|inode| inode.content()) {
            lock(content).remove()?;
        }
        for inode in files {
            if let Some(content) = inode.content() {
                let mut content = lock(content);
                content.settle(durable)?;
                if !inode.is_open() {
                    content.close();
                }
            }
        }
        Ok(())
    }

    /// The power goes: what was not durable is forgotten, but for what of it survives by chance. Nobody
    /// may use the disk meanwhile, and all handles are gone afterwards. What it was like before is kept
    /// for [`Self::trace`], of the last cut only.
    ///
    /// # Errors
    /// A backing file cannot be read or written.
    pub fn cut(&self, keep: Keep, seed: u64) -> io::Result<Forgotten> {
        let mut names = lock(&self.names);
        let mut before = lock(&self.before);
        fs::remove_dir_all(&self.folders.before)?;
        fs::create_dir(&self.folders.before)?;
        let mut chance = (keep == Keep::Some).then(|| generator(seed, Purpose::Disk, 0));
        let paths = names.live.paths();
        let after = surviving::names(&names.live, &names.durable, chance.as_mut());
        let mut cut = Cut { names: surviving::differing(&names.live, &after), ..Cut::default() };
        for (ino, inode) in &names.inodes {
            let Some(content) = inode.content() else { continue };
            let mut content = lock(content);
            let path = path_of(&paths, *ino, inode.is_open());
            if let Some(path) = path.clone() {
                cut.before.insert(path, BeforeFile::of(inode, &content));
            }
            let loss = if after.links(*ino) > 0 {
                content.cut(chance.as_mut())?
            } else {
                content.cut_away()?
            };
            cut.losses.extend(path.map(|path| (path, loss)));
            inode.close_all();
        }
        names.inodes.retain(|ino, _| after.links(*ino) > 0);
        (names.live, names.durable) = (after.clone(), after);
        let (forgotten, was) = cut.sum(&self.noise);
        *before = Some(was);
        Ok(forgotten)
    }
}

/// Where the server saw a file; one that is removed and open has no path. None where it saw it nowhere.
fn path_of(paths: &BTreeMap<Ino, String>, ino: Ino, is_open: bool) -> Option<String> {
    let removed = || is_open.then(|| format!("removed file {ino}"));
    paths.get(&ino).cloned().or_else(removed)
}

/// What a cut does, as far as it is told.
#[derive(Debug, Default)]
struct Cut {
    before: Before,
    losses: Vec<(String, Loss)>,
    names: u64,
}

/// What one file lost.
#[derive(Clone, Copy, Debug, Default)]
struct Loss {
    forgotten: u64,
    kept: u64,
}

impl Cut {
    fn sum(self, noise: &[String]) -> (Forgotten, Before) {
        let mut sum = Forgotten { names: self.names, ..Forgotten::default() };
        for (path, loss) in self.losses {
            if is_noise(&path, noise) {
                sum.noise += loss.forgotten;
                continue;
            }
            sum.kept += loss.kept;
            if loss.forgotten > 0 {
                sum.bytes += loss.forgotten;
                sum.files += 1;
                sum.most.push((path, loss.forgotten));
            }
        }
        sum.most.sort_by(|(path, bytes), (other, less)| less.cmp(bytes).then(path.cmp(other)));
        sum.most.truncate(3);
        (sum, self.before)
    }
}

/// Whether a pattern is of the last component of a path: the same name, or `*` and its end.
fn is_noise(path: &str, noise: &[String]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    noise.iter().any(|pattern| match pattern.strip_prefix('*') {
        Some(end) => name.ends_with(end),
        None => name == pattern,
    })
}

impl Content {
    /// Makes the file what it is durably, and by chance a part of what it is live.
    fn cut(&mut self, chance: Option<&mut Pcg64Mcg>) -> io::Result<Loss> {
        if self.noted.is_empty() && self.dropped.is_empty() && !self.is_resized() {
            self.close();
            self.least = None;
            self.allocated.clone_from(&self.durable_allocated);
            self.is_as_before = true;
            return Ok(Loss::default());
        }
        self.set_aside()?;
        let kept = match chance {
            Some(chance) => self.survive(chance)?,
            None => 0,
        };
        // What survived is not noted any more.
        let lost = self.undurable();
        lost.iter().for_each(|range| self.writes.forget(range));
        let (live, durable) = (self.live()?, self.durable()?);
        live.set_len(self.durable_size)?;
        sparse::copy(&durable, &live, 0..self.durable_size)?;
        self.close();
        self.noted.clear();
        self.unbuffered.clear();
        self.dropped.clear();
        self.least = None;
        self.size = self.durable_size;
        self.allocated.clone_from(&self.durable_allocated);
        Ok(Loss { forgotten: lost.total(), kept })
    }

    /// Removes a file whose names are all forgotten.
    fn cut_away(&mut self) -> io::Result<Loss> {
        let forgotten = self.undurable().total();
        self.is_as_before = true;
        self.remove()?;
        Ok(Loss { forgotten, kept: 0 })
    }

    /// Carries what survives to the durable copy; how many bytes that is.
    fn survive(&mut self, chance: &mut Pcg64Mcg) -> io::Result<u64> {
        let (before, durable) = (fs::File::open(&self.before_path)?, self.durable()?);
        if let Some(least) = self.least.filter(|least| *least < self.durable_size)
            && surviving::flip(chance)
        {
            durable.set_len(least)?;
            self.durable_size = least;
            self.durable_allocated.cut_at(least.next_multiple_of(BLOCK));
        }
        let kept = surviving::bytes(&self.noted, chance);
        for range in kept.iter() {
            if range.end > self.durable_size {
                durable.set_len(range.end)?;
                self.durable_size = range.end;
            }
            sparse::copy(&before, &durable, range.clone())?;
            self.allocated.within(blocks(&range)).for_each(|part| self.durable_allocated.add(part));
            self.noted.remove(range);
        }
        Ok(kept.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_known_by_a_name_or_its_end() {
        let noise = ["aria_log_control", "*.log", "*"].map(String::from);
        let check =
            |path, count: usize, is| assert_eq!(is_noise(path, &noise[..count]), is, "{path}");
        check("aria_log_control", 1, true);
        check("a/b/aria_log_control", 1, true);
        check("aria_log_control/ib", 1, false);
        check("my_aria_log_control", 1, false);
        check("a/x.log", 2, true);
        check("a/x.log.1", 2, false);
        check("a.log/x", 2, false);
        check("anything", 3, true);
        check("anything", 0, false);
    }
}
