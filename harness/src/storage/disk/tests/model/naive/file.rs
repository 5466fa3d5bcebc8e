//! One file, byte by byte.

use std::collections::BTreeSet;

use rustix::io::Errno;

use super::FileOperation;
use crate::fault::AfterFailedSync;

const CLEAN: u8 = 0;
const NOTED: u8 = 1;
const DROPPED: u8 = 2;

pub struct File {
    pub live: Vec<u8>,
    pub durable: Vec<u8>,
    /// What each live byte is.
    marks: Vec<u8>,
    /// The least length since the last sync.
    least: usize,
    /// The numbers of the blocks that are there.
    pub blocks: BTreeSet<usize>,
    durable_blocks: BTreeSet<usize>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            live: Vec::new(),
            durable: Vec::new(),
            marks: Vec::new(),
            least: usize::MAX,
            blocks: BTreeSet::new(),
            durable_blocks: BTreeSet::new(),
        }
    }
}

impl File {
    pub fn apply(&mut self, operation: &FileOperation, is_full: bool) -> Result<Vec<u8>, Errno> {
        match operation {
            FileOperation::Write(offset, bytes) => {
                self.write(*offset, &bytes.0, is_full)?;
            }
            FileOperation::Append(bytes) => self.write(self.live.len(), &bytes.0, is_full)?,
            FileOperation::Resize(size) => self.resize(*size),
            FileOperation::Reserve { offset, len, keeps_size } => {
                self.reserve(*offset, *len, *keeps_size, is_full)?;
            }
            FileOperation::Zero { offset, len, keeps_size } => {
                let size = self.live.len();
                self.reserve(*offset, *len, true, is_full)?;
                self.erase(*offset, *len);
                if !keeps_size {
                    self.resize(size.max(offset + len));
                }
            }
            FileOperation::Punch(offset, len) => {
                let (start, end) = (*offset, offset + len);
                self.blocks.retain(|block| block * 4096 < start || (block + 1) * 4096 > end);
                self.erase(start, end - start);
            }
            FileOperation::Read(offset, len) => {
                let start = self.live.len().min(*offset);
                let end = self.live.len().min(start + len);
                return Ok(self.live[start..end].to_vec());
            }
            FileOperation::Sync => self.sync(),
            FileOperation::FailSync(AfterFailedSync::Retry) => {}
            FileOperation::FailSync(AfterFailedSync::Drop) => {
                let noted = self.marks.iter_mut().filter(|mark| **mark == NOTED);
                noted.for_each(|mark| *mark = DROPPED);
            }
        }
        Ok(Vec::new())
    }

    /// How many bytes a cut forgets.
    pub fn undurable(&self) -> u64 {
        self.marks.iter().filter(|mark| **mark != CLEAN).count() as u64
    }

    pub fn settle(&mut self) {
        self.marks.fill(CLEAN);
        self.sync();
    }

    pub fn cut(&mut self) {
        self.live = self.durable.clone();
        self.marks = vec![CLEAN; self.live.len()];
        self.least = usize::MAX;
        self.blocks = self.durable_blocks.clone();
    }

    /// A cut that kept some: whether these bytes can be what is left, which is taken over.
    pub fn cut_to(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        let mut shorter = self.durable.clone();
        shorter.truncate(self.least);
        let whole = self.can_be(&bytes, &self.durable);
        if let (Err(wrong), Err(also)) = (whole, self.can_be(&bytes, &shorter)) {
            return Err(format!("{wrong}; and if it was cut off, {also}"));
        }
        self.durable = bytes;
        self.cut();
        Ok(())
    }

    /// Each sector is, where bytes were noted, as it was live or durably.
    fn can_be(&self, bytes: &[u8], durable: &[u8]) -> Result<(), String> {
        let at = |bytes: &[u8], place: usize| bytes.get(place).copied().unwrap_or(0);
        let mut end = durable.len();
        for start in (0..bytes.len().max(durable.len())).step_by(512) {
            let sector = start..start + 512;
            let noted = || sector.clone().filter(|at| self.marks.get(*at) == Some(&NOTED));
            let is_durable = sector.clone().all(|place| at(bytes, place) == at(durable, place));
            let is_live = sector.clone().all(|place| {
                let is_noted = self.marks.get(place) == Some(&NOTED);
                at(bytes, place) == at(if is_noted { &self.live } else { durable }, place)
            });
            match noted().next_back() {
                _ if !is_live && !is_durable => return Err(format!("a wrong sector at {start}")),
                // It may have survived where nothing tells it apart, and then the file is that long.
                Some(last) if is_live && (!is_durable || bytes.len() > last) => {
                    end = end.max(last + 1);
                }
                _ => {}
            }
        }
        if end == bytes.len() { Ok(()) } else { Err(format!("{} bytes, not {end}", bytes.len())) }
    }

    fn write(&mut self, offset: usize, bytes: &[u8], is_full: bool) -> Result<(), Errno> {
        self.reserve(offset, bytes.len(), true, is_full)?;
        let end = offset + bytes.len();
        self.resize(self.live.len().max(end));
        self.live[offset..end].copy_from_slice(bytes);
        self.marks[offset..end].fill(NOTED);
        Ok(())
    }

    fn reserve(
        &mut self,
        offset: usize,
        len: usize,
        keeps_size: bool,
        is_full: bool,
    ) -> Result<(), Errno> {
        let blocks = offset / 4096..(offset + len).div_ceil(4096);
        if is_full && !blocks.clone().all(|block| self.blocks.contains(&block)) {
            return Err(Errno::NOSPC);
        }
        self.blocks.extend(blocks);
        if !keeps_size {
            self.resize(self.live.len().max(offset + len));
        }
        Ok(())
    }

    fn erase(&mut self, offset: usize, len: usize) {
        let end = self.live.len().min(offset + len);
        if offset < end {
            self.live[offset..end].fill(0);
            self.marks[offset..end].fill(NOTED);
        }
    }

    fn resize(&mut self, size: usize) {
        if size < self.live.len() {
            self.least = self.least.min(size);
            self.blocks.retain(|block| block * 4096 < size);
        }
        self.live.resize(size, 0);
        self.marks.resize(size, CLEAN);
    }

    fn sync(&mut self) {
        self.durable.truncate(self.least);
        self.durable.resize(self.live.len(), 0);
        for (place, mark) in self.marks.iter_mut().enumerate() {
            if *mark != DROPPED {
                self.durable[place] = self.live[place];
                *mark = CLEAN;
            }
        }
        self.least = usize::MAX;
        self.durable_blocks = self.blocks.clone();
    }
}
