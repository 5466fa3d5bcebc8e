//! What must be there, by the simplest model: of each file its bytes, and its bytes when it was last
//! synced. And random operations, which are carried out with real system calls.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FallocateFlags, OFlags, fallocate};

/// The names that sequences use; some are in a folder.
const NAMES: [&str; 6] = ["a", "b", "c", "d/e", "d/f", "noise.log"];

/// What O_DIRECT wants addresses, places and lengths to be multiples of.
const ALIGNED: usize = 4096;

/// Where writes begin at most: several pages, so that some are not touched.
const EXTENT: u64 = 40_000;

/// Chance from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn name(&mut self) -> &'static str {
        NAMES[usize::try_from(self.below(NAMES.len() as u64)).unwrap()]
    }

    /// Bytes that hardly any other call gives. None is zero, so that holes are told from what was written.
    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| u8::try_from(self.below(255) + 1).unwrap()).collect()
    }
}

/// How a write is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    /// O_APPEND.
    appends: bool,
    /// O_DIRECT.
    is_direct: bool,
    /// O_SYNC or O_DSYNC.
    syncs: Option<OFlags>,
}

/// One operation on files by their names.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Write {
        name: &'static str,
        at: u64,
        bytes: Vec<u8>,
        mode: Mode,
    },
    /// fsync, or fdatasync.
    Sync {
        name: &'static str,
        is_data: bool,
    },
    /// Opened with O_TRUNC.
    Anew {
        name: &'static str,
    },
    Truncate {
        name: &'static str,
        size: u64,
    },
    Hole {
        name: &'static str,
        at: u64,
        len: u64,
    },
    Zero {
        name: &'static str,
        at: u64,
        len: u64,
        keeps_size: bool,
    },
    Allocate {
        name: &'static str,
        at: u64,
        len: u64,
        keeps_size: bool,
    },
    Rename {
        from: &'static str,
        to: &'static str,
    },
    Link {
        from: &'static str,
        to: &'static str,
    },
    Remove {
        name: &'static str,
    },
    /// Removed while it is open, and written and read all the same.
    RemoveOpen {
        name: &'static str,
        bytes: Vec<u8>,
    },
}

impl Operation {
    pub(super) fn any(chance: &mut Chance) -> Self {
        let (name, to) = (chance.name(), chance.name());
        let (at, len) = (chance.below(EXTENT), chance.below(9000) + 1);
        let keeps_size = chance.below(2) == 0;
        match chance.below(24) {
            0..9 => Self::write(chance, name, at, len),
            9..13 => Self::Sync { name, is_data: keeps_size },
            13 => Self::Anew { name },
            14 => Self::Truncate { name, size: at },
            15 => Self::Hole { name, at, len },
            16 => Self::Zero { name, at, len, keeps_size },
            17 => Self::Allocate { name, at, len, keeps_size },
            18..20 => Self::Rename { from: name, to },
            20..22 => Self::Link { from: name, to },
            22 => Self::Remove { name },
            _ => Self::RemoveOpen { name, bytes: chance.bytes(100) },
        }
    }

    fn write(chance: &mut Chance, name: &'static str, at: u64, len: u64) -> Self {
        let flags = [None, None, None, Some(OFlags::SYNC), Some(OFlags::DSYNC)];
        let syncs = flags[usize::try_from(chance.below(5)).unwrap()];
        let (appends, is_direct) = (chance.below(4) == 0, chance.below(4) == 0);
        let mode = Mode { appends: appends && !is_direct, is_direct, syncs };
        let page = ALIGNED as u64;
        let (at, len) =
            if is_direct { (at / page * page, (len / page + 1) * page) } else { (at, len) };
        Self::Write { name, at, bytes: chance.bytes(len), mode }
    }
}

/// A file: what reads show, and what was last synced.
#[derive(Clone, Debug, Default)]
struct Modelled {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Where it was cut off since, at the least.
    least: Option<usize>,
}

impl Modelled {
    fn sync(&mut self) {
        self.durable.clone_from(&self.live);
        self.least = None;
    }

    fn resize(&mut self, size: usize) {
        if size < self.live.len() {
            self.least = Some(self.least.map_or(size, |least| least.min(size)));
        }
        self.live.resize(size, 0);
    }

    /// Whether it can be so after a cut at which each sector of 512 bytes survived by itself, and that
    /// it was cut off survived or not. What was cut off is zeros if it grew again.
    fn can_be(&self, bytes: &[u8]) -> bool {
        let Self { live, durable, least } = self;
        let byte = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
        let is_of =
            |of: &[u8], sector: &Range<usize>| sector.clone().all(|at| byte(of, at) == bytes[at]);
        let is_cut_off = |sector: &Range<usize>| {
            let known = |at: usize| [byte(live, at), byte(durable, at), 0];
            least.is_some_and(|least| sector.end > least)
                && sector.clone().all(|at| known(at).contains(&bytes[at]))
        };
        let mut sectors = (0..bytes.len()).step_by(512).map(|at| at..bytes.len().min(at + 512));
        bytes.len() <= live.len().max(durable.len())
            && sectors.all(|s| is_of(live, &s) || is_of(durable, &s) || is_cut_off(&s))
    }
}

/// The files of a folder. Names are durable at once.
#[derive(Debug, Default)]
pub(super) struct Model {
    names: BTreeMap<&'static str, usize>,
    files: Vec<Modelled>,
}

/// What each name shows.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

impl Model {
    pub(super) fn contents(&self) -> Contents {
        let shown =
            |(name, file): (&&str, &usize)| ((*name).to_owned(), self.files[*file].live.clone());
        self.names.iter().map(shown).collect()
    }

    /// The power goes.
    pub(super) fn cut(&mut self) {
        for file in &mut self.files {
            file.live.clone_from(&file.durable);
            file.least = None;
        }
    }

    /// Whether the names can show this after a cut at which some survives.
    pub(super) fn can_be_after_a_cut(&self, after: &Contents) -> bool {
        let is_such = |(name, file): (&&str, &usize)| {
            after.get(*name).is_some_and(|bytes| self.files[*file].can_be(bytes))
        };
        self.names.len() == after.len() && self.names.iter().all(is_such)
    }

    /// The file of a name, which is made where there is none.
    fn file(&mut self, name: &'static str) -> &mut Modelled {
        let Self { names, files } = self;
        let file = *names.entry(name).or_insert_with(|| {
            files.push(Modelled::default());
            files.len() - 1
        });
        &mut files[file]
    }

    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Write { name, at, bytes, mode } => {
                let file = self.file(name);
                let at = if mode.appends { file.live.len() } else { index(*at) };
                grow(&mut file.live, at + bytes.len());
                file.live[at..at + bytes.len()].copy_from_slice(bytes);
                if mode.syncs.is_some() {
                    file.sync();
                }
            }
            Operation::Sync { name, .. } => self.file(name).sync(),
            Operation::Anew { name } => self.file(name).resize(0),
            Operation::Truncate { name, size } => self.file(name).resize(index(*size)),
            Operation::Hole { name, at, len } => zero(&mut self.file(name).live, *at, *len),
            Operation::Zero { name, at, len, keeps_size } => {
                let live = &mut self.file(name).live;
                if !keeps_size {
                    grow(live, index(at + len));
                }
                zero(live, *at, *len);
            }
            Operation::Allocate { name, at, len, keeps_size } => {
                let live = &mut self.file(name).live;
                if !keeps_size {
                    grow(live, index(at + len));
                }
            }
            Operation::Rename { from, to } => {
                // Of two names of one file rename(2) removes none.
                if let Some(file) = self.names.get(from).copied()
                    && self.names.get(to) != Some(&file)
                {
                    self.names.remove(from);
                    self.names.insert(to, file);
                }
            }
            Operation::Link { from, to } => {
                if let Some(file) = self.names.get(from).copied() {
                    self.names.entry(to).or_insert(file);
                }
            }
            Operation::Remove { name } => drop(self.names.remove(name)),
            Operation::RemoveOpen { name, bytes } => {
                // It may have another name.
                let file = self.file(name);
                grow(&mut file.live, bytes.len());
                file.live[..bytes.len()].copy_from_slice(bytes);
                file.sync();
                self.names.remove(name);
            }
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn grow(bytes: &mut Vec<u8>, len: usize) {
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
}

fn zero(bytes: &mut [u8], at: u64, len: u64) {
    let end = bytes.len().min(index(at + len));
    bytes[end.min(index(at))..end].fill(0);
}

/// Carries out a sequence in an empty folder, where the model is held against it after each operation.
pub(super) fn carry_out(folder: &Path, operations: &[Operation]) -> Model {
    let mut model = Model::default();
    fs::create_dir(folder.join("d")).unwrap();
    for operation in operations {
        let is_there = |name: &&str| model.names.contains_key(name);
        match operation {
            Operation::Rename { from, .. } | Operation::Link { from, .. } if !is_there(from) => {}
            Operation::Link { to, .. } if is_there(to) => {}
            Operation::Remove { name } if !is_there(name) => {}
            _ => call(folder, operation),
        }
        model.apply(operation);
        let (seen, expected) = (contents(folder), model.contents());
        assert!(seen == expected, "after {operation:?}: {}", difference(&seen, &expected));
    }
    model
}

fn call(folder: &Path, operation: &Operation) {
    let open = |name: &str| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(folder.join(name)).unwrap()
    };
    let allocate = |name: &str, flags: FallocateFlags, keeps_size: bool, at: u64, len: u64| {
        let size = if keeps_size { FallocateFlags::KEEP_SIZE } else { FallocateFlags::empty() };
        fallocate(open(name), flags | size, at, len).unwrap();
    };
    match operation {
        Operation::Write { name, at, bytes, mode } => write(&folder.join(name), *at, bytes, *mode),
        Operation::Sync { name, is_data: true } => open(name).sync_data().unwrap(),
        Operation::Sync { name, is_data: false } => open(name).sync_all().unwrap(),
        Operation::Anew { name } => drop(File::create(folder.join(name)).unwrap()),
        Operation::Truncate { name, size } => open(name).set_len(*size).unwrap(),
        Operation::Hole { name, at, len } => {
            allocate(name, FallocateFlags::PUNCH_HOLE, true, *at, *len);
        }
        Operation::Zero { name, at, len, keeps_size } => {
            allocate(name, FallocateFlags::ZERO_RANGE, *keeps_size, *at, *len);
        }
        Operation::Allocate { name, at, len, keeps_size } => {
            allocate(name, FallocateFlags::empty(), *keeps_size, *at, *len);
        }
        Operation::Rename { from, to } => fs::rename(folder.join(from), folder.join(to)).unwrap(),
        Operation::Link { from, to } => fs::hard_link(folder.join(from), folder.join(to)).unwrap(),
        Operation::Remove { name } => fs::remove_file(folder.join(name)).unwrap(),
        Operation::RemoveOpen { name, bytes } => {
            let mut file = open(name);
            fs::remove_file(folder.join(name)).unwrap();
            file.write_all(bytes).unwrap();
            file.sync_all().unwrap();
            file.seek(SeekFrom::Start(0)).unwrap();
            let mut read = vec![0; bytes.len()];
            file.read_exact(&mut read).unwrap();
            assert_eq!(read, *bytes, "of a file that was removed while it was open");
        }
    }
}

fn write(path: &Path, at: u64, bytes: &[u8], mode: Mode) {
    let Mode { appends, is_direct, syncs } = mode;
    let mut flags = syncs.unwrap_or(OFlags::empty());
    flags.set(OFlags::DIRECT, is_direct);
    let mut options = OpenOptions::new();
    options.write(true).create(true).append(appends);
    let mut file = options.custom_flags(flags.bits().cast_signed()).open(path).unwrap();
    if appends {
        file.write_all(bytes).unwrap();
    } else if is_direct {
        let mut room = vec![0; bytes.len() + ALIGNED];
        let start = room.as_ptr().align_offset(ALIGNED);
        room[start..start + bytes.len()].copy_from_slice(bytes);
        file.write_all_at(&room[start..start + bytes.len()], at).unwrap();
    } else {
        file.write_all_at(bytes, at).unwrap();
    }
}

/// What the names in a folder show, those of its folder too.
pub(super) fn contents(folder: &Path) -> Contents {
    let mut contents = Contents::new();
    for below in ["", "d"] {
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = Path::new(below).join(entry.file_name()).to_str().unwrap().to_owned();
                let bytes = fs::read(entry.path()).unwrap();
                assert_eq!(entry.metadata().unwrap().len(), bytes.len() as u64, "{name}");
                contents.insert(name, bytes);
            }
        }
    }
    contents
}

/// Where two contents differ, in words: the bytes themselves are too many.
pub(super) fn difference(seen: &Contents, expected: &Contents) -> String {
    let names: std::collections::BTreeSet<_> = seen.keys().chain(expected.keys()).collect();
    let mut words = String::new();
    for name in names {
        let (seen, expected) = (seen.get(name), expected.get(name));
        if seen == expected {
            continue;
        }
        let at = match (seen, expected) {
            (Some(seen), Some(expected)) => seen.iter().zip(expected).position(|(a, b)| a != b),
            _ => None,
        };
        let (seen, expected) = (seen.map(Vec::len), expected.map(Vec::len));
        words += &format!("{name}: {seen:?} bytes, expected {expected:?}, first other at {at:?}; ");
    }
    words
}
