//! Open files, of which each connection is one: as many as the system permits, and how many
//! connections that makes.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Files that are left for everything but connections: those to the database, the listener, the log.
const RESERVE: u64 = 64;

/// What a connection may take of memory for the head of a request.
const HEAD_BYTES: u64 = 64 * 1024;

/// Lets as many be open as the system permits: the soft limit is usually a low one, for programs
/// of another age.
pub(crate) fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        warn!(%error, "cannot raise the limit of open files");
    }
}

/// How many connections there may be, where it is not said: as many as there may be open files but
/// for a reserve, and no more than those whose heads fit half of this memory.
pub(crate) fn most_connections(memory: u64) -> u64 {
    connections(getrlimit(Resource::Nofile).current, memory)
}

fn connections(files: Option<u64>, memory: u64) -> u64 {
    let fit = memory / 2 / HEAD_BYTES;
    free(files).min(fit.max(RESERVE)).max(1)
}

/// How many open files are left for connections.
fn free(files: Option<u64>) -> u64 {
    let files = files.unwrap_or(u64::MAX);
    // A limit that is all but the reserve is split.
    files.saturating_sub(RESERVE).max(files / 2)
}

/// Says where there cannot be so many connections; those that come are taken care of all the same.
pub(crate) fn warn_of(connections: NonZeroUsize) {
    let limit = getrlimit(Resource::Nofile).current;
    let free = free(limit);
    if u64::try_from(connections.get()).unwrap_or(u64::MAX) > free {
        let open_files = limit.unwrap_or(u64::MAX);
        warn!(
            open_files,
            "--max-connections is {connections}, and the limit of open files has room for {free}: \
             raise it (`ulimit -Hn`, in a systemd unit LimitNOFILE=)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::connections;

    #[test]
    fn connections_are_bounded_by_open_files_and_by_memory() {
        let check = |files, memory, expected| assert_eq!(connections(files, memory), expected);
        check(Some(1024), 1 << 30, 960);
        check(Some(65_536), 1 << 30, 8192);
        check(None, 256 << 20, 2048);
        check(Some(64), 1 << 30, 32);
        check(Some(100), 1 << 30, 50);
        check(Some(1024), 0, 64);
        check(Some(1), 0, 1);
    }
}
