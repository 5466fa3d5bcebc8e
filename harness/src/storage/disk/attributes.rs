//! What is said about a file, a folder or another thing that a name is of.

/// A moment of the calendar. The process that serves a disk is no part of a run, and file systems speak
/// in wall time.
#[expect(clippy::disallowed_types, reason = "times of files are wall times")]
pub type Time = std::time::SystemTime;

/// The number of an inode. The root is [`ROOT`]; no number is used twice.
pub type Ino = u64;

/// The folder that is mounted.
pub const ROOT: Ino = 1;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with bytes.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A named pipe, which the kernel carries by itself.
    Fifo,
    /// A Unix socket, which the kernel carries by itself.
    Socket,
}

/// What is said about one inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Its number.
    pub ino: Ino,
    /// What it is.
    pub kind: Kind,
    /// In bytes.
    pub size: u64,
    /// Blocks of 512 bytes that are really allocated.
    pub blocks: u64,
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The owner's group.
    pub gid: u32,
    /// How many names it has; 1 of a folder, which means: not counted.
    pub links: u32,
    /// When it was last read.
    pub atime: Time,
    /// When its content was last changed.
    pub mtime: Time,
    /// When anything of it was last changed.
    pub ctime: Time,
}

/// What is to be changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The permission bits.
    pub mode: Option<u32>,
    /// The owner.
    pub uid: Option<u32>,
    /// The owner's group.
    pub gid: Option<u32>,
    /// In bytes; a file is cut, or grows by a hole.
    pub size: Option<u64>,
    /// When it was last read.
    pub atime: Option<Time>,
    /// When its content was last changed.
    pub mtime: Option<Time>,
}

/// Where a search in a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// To the next bytes that were written.
    Data,
    /// To the next hole; the end of the file is one.
    Hole,
}

/// What a rename may do to what has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rename {
    /// It is removed.
    Replace,
    /// It is an error.
    NoReplace,
    /// The two swap their names.
    Exchange,
}

/// How much room there is, in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// A block, in bytes.
    pub block: u32,
    /// All blocks.
    pub blocks: u64,
    /// Free ones; none while the disk is full.
    pub free: u64,
    /// All inodes.
    pub files: u64,
    /// Free ones; none while the disk is full.
    pub free_files: u64,
}
