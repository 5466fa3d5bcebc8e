//! Where and when a call runs, as reports have it.

use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;

use broker_client::wire::masked;

use crate::report::Environment;
use crate::shell::shell;
use crate::version;

/// That of this process, as it is now. The variables of its environment are in no report: some hold
/// passwords.
pub(super) fn environment() -> Environment {
    Environment {
        started: now(),
        cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        memory_bytes: fs::read_to_string("/proc/meminfo").map_or(0, |text| memory(&text)),
        os: os(),
        version: version::VERSION,
        commit: version::COMMIT,
        features: version::features(),
        command: command(std::env::args_os().skip(1)),
    }
}

/// `2026-11-27T07:00:00Z`.
#[expect(clippy::disallowed_types, reason = "for people: nothing in a run follows from it")]
fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}

/// What Linux says of the whole memory, in bytes; 0 where it says nothing.
fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.map_or(0, |kibibytes| kibibytes * 1024)
}

/// `Linux 6.18.0 x86_64`.
fn os() -> String {
    let name = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        other => other,
    };
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let words = [name, release.trim(), std::env::consts::ARCH];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The command line as it can be pasted into a shell, passwords masked.
fn command(arguments: impl Iterator<Item = OsString>) -> String {
    let mut words = vec![String::from("harness")];
    words.extend(arguments.map(|word| shell(&masked(&word.to_string_lossy())).into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted_and_shows_no_password() {
        let words = ["run", "my scenario.yaml", "--on", "redis://u:secret@h:6379"];
        let shown = command(words.into_iter().map(OsString::from));
        assert_eq!(shown, "harness run 'my scenario.yaml' --on 'redis://u:***@h:6379'");
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(memory("MemFree: 1 kB\nMemTotal:       16384 kB\n"), 16 * 1024 * 1024);
        assert_eq!(memory(""), 0);
    }

    #[test]
    fn this_machine_and_program_are_told() {
        let own = environment();
        assert!(own.started.ends_with('Z') && own.started.starts_with("20"), "{own:?}");
        assert!(own.cores > 0 && own.os.ends_with(std::env::consts::ARCH), "{own:?}");
        assert_eq!(own.version, env!("CARGO_PKG_VERSION"));
        assert!(own.memory_bytes > 0 || !cfg!(target_os = "linux"), "{own:?}");
    }
}
