//! What the operating system says of this process; nothing where it is not Linux.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// Bytes of memory that are resident.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// How many files are open, connections among them.
pub(super) fn open_files() -> Option<u64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is this look at them.
    u64::try_from(open).ok()?.checked_sub(1)
}

/// How many files may be open; none where there is no limit.
pub(super) fn most_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
