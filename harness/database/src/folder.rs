//! A temporary folder for a server. Once the process that made it has ended, in whatever way, the
//! folder is gone, and with it every process that was started for it.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::invocation::Invocation;

/// The variable that marks a process, and by inheritance all that it starts, as one of a folder; its
/// value is the folder's path. A daemon that left its process group is found by it. Only on Linux.
pub const FOLDER_MARK: &str = "HARNESS_FOLDER";

/// The variable that marks the process that serves a file system which is mounted in a folder; its
/// value is the folder's path. Where the process that made the folder ends, this one sees that by
/// itself, unmounts, and ends; it is killed only where it does not.
pub const DISK_MARK: &str = "HARNESS_DISK";

/// A shell that waits for the end of its standard input, which a process's end always brings. Then
/// it kills the server that it was given, if any, and the processes that are marked, which may start
/// others meanwhile, and removes the folder. A server that was killed a moment ago may still be at
/// its files, so removing is tried again.
///
/// Before that, a process that serves a file system in the folder is given a moment to unmount it and
/// to end: it has seen the same end. Then it is killed, and what is still mounted is taken out of the
/// folder, for a look at a mount that nobody serves would fail, or hang, and removing what is in one
/// that somebody serves would not be removing the folder. Only on Linux.
const WATCH: &str = r#"
folder=$1
mark=$2
disk=$3
listed=$4
shift 4
marked() {
  grep -lsaF "$1=$folder" /proc/[0-9]*/environ
}
end_marked() {
  files=$(marked "$1")
  for file in $files; do
    process=${file#/proc/}
    kill -9 "${process%/environ}"
  done
  [ -n "$files" ]
}
mounted() {
  while read -r _ point _; do
    case $point in "$listed"/*) printf '%s\n' "$folder${point#"$listed"}" ;; esac
  done </proc/mounts
}
if [ $# -gt 0 ]; then
  "$@" >"$folder/server.log" 2>&1 </dev/null &
  server=$!
fi
read -r _
if [ -n "${server:-}" ]; then
  kill -9 "$server"
  wait "$server"
fi
for _ in 1 2 3 4 5; do
  end_marked "$mark" || break
done
tries=60
while [ -n "$(marked "$disk")" ]; do
  tries=$((tries - 1))
  if [ "$tries" = 0 ]; then
    end_marked "$disk"
    break
  fi
  sleep 0.05
done
mounted | while read -r point; do
  umount -l "$point" || fusermount3 -uz "$point"
done
[ -z "$(mounted)" ] || exit
for _ in 1 2 3 4 5; do
  rm -rf -- "$folder" && break
  sleep 1
done
"#;

/// Only its owner may look in: a server's socket is there, and the password in its first file.
const PRIVATE: u32 = 0o700;

/// The folder, and the shell that removes it.
#[derive(Debug)]
pub struct Folder {
    // Dropped first: it ends what still works in the folder.
    watchdog: Watchdog,
    folder: TempDir,
}

impl Folder {
    /// Makes one whose name begins with `harness-` and the server's name.
    ///
    /// # Errors
    /// Where it cannot be made, or the shell that removes it cannot be started.
    pub fn new(server: &str) -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir(), server)
    }

    /// The same in a folder that is there.
    pub(crate) fn new_in(place: &Path, server: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("harness-{server}-"))
            .permissions(Permissions::from_mode(PRIVATE))
            .tempdir_in(place)?;
        let watchdog = Watchdog::start(folder.path(), None)?;
        Ok(Self { watchdog, folder })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The variable of the environment that a process has to have to be ended with the folder.
    pub fn mark(&self) -> (&'static str, OsString) {
        (FOLDER_MARK, self.path().into())
    }

    /// Has the shell watch over a program too, which is started here.
    pub(crate) fn watch(&mut self, run: &Invocation) -> io::Result<()> {
        let watchdog = Watchdog::start(self.folder.path(), Some(run))?;
        let mut before = std::mem::replace(&mut self.watchdog, watchdog);
        // It must not remove what is in use now.
        let _ = before.shell.kill();
        Ok(())
    }
}

/// A shell whose standard input is a pipe that this process alone holds.
#[derive(Debug)]
struct Watchdog {
    shell: Child,
}

impl Watchdog {
    fn start(folder: &Path, run: Option<&Invocation>) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", WATCH, "harness-watch"]).arg(folder);
        shell.args([FOLDER_MARK, DISK_MARK]).arg(listed(folder));
        if let Some(run) = run {
            shell.arg(&run.program).args(&run.arguments).envs(run.environment.iter().cloned());
        }
        // Ctrl-C goes to the process group of the terminal, and this one has work to do then.
        shell.process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { shell: shell.spawn()? })
    }
}

/// The path as it stands in `/proc/mounts`: without links, and with what would end a word as `\040`.
fn listed(folder: &Path) -> OsString {
    let path = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut listed = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => listed.extend(format!("\\{byte:03o}").bytes()),
            _ => listed.push(*byte),
        }
    }
    OsString::from_vec(listed)
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
