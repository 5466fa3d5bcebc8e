//! Files with holes: where their bytes are, and how they are copied and emptied.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

/// How much is copied or read in one go.
pub(super) const CHUNK: u64 = 1 << 20;

/// The first bytes within a range that are no hole. A file system that knows of no holes has all.
pub(super) fn next_data(file: &File, within: Range<u64>) -> io::Result<Option<Range<u64>>> {
    if within.is_empty() {
        return Ok(None);
    }
    let start = match seek(file, SeekFrom::Data(within.start)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if start >= within.end {
        return Ok(None);
    }
    let end = seek(file, SeekFrom::Hole(start))?;
    Ok(Some(start..end.min(within.end)))
}

/// Makes a range of one file what it is in another, holes as holes. Both are that long.
pub(super) fn copy(from: &File, to: &File, range: Range<u64>) -> io::Result<()> {
    let mut at = range.start;
    while let Some(data) = next_data(from, at..range.end)? {
        punch(to, at..data.start)?;
        copy_data(from, to, data.clone())?;
        at = data.end;
    }
    punch(to, at..range.end)
}

/// Makes a range a hole, or zeros where there are no holes. The size stays.
pub(super) fn punch(file: &File, range: Range<u64>) -> io::Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match fallocate(file, flags, range.start, range.end - range.start) {
        Err(Errno::OPNOTSUPP) => {
            let end = range.end.min(file.metadata()?.len());
            each_chunk(range.start..end, |at, len| file.write_all_at(&vec![0; len], at))
        }
        done => Ok(done?),
    }
}

fn copy_data(from: &File, to: &File, range: Range<u64>) -> io::Result<()> {
    let longest = usize::try_from((range.end - range.start).min(CHUNK)).expect("a chunk is small");
    let mut bytes = vec![0; longest];
    each_chunk(range, |at, len| {
        from.read_exact_at(&mut bytes[..len], at)?;
        to.write_all_at(&bytes[..len], at)
    })
}

fn each_chunk(
    range: Range<u64>,
    mut act: impl FnMut(u64, usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min(CHUNK);
        act(at, usize::try_from(len).expect("a chunk is small"))?;
        at += len;
    }
    Ok(())
}
