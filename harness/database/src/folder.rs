//! A temporary folder that is gone once its process is, in whatever way that ends.

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::Error;

/// A shell that waits for the end of its standard input, which a process's end always brings, then
/// kills the server that it was given, if any, and removes the folder. A server that was killed by
/// somebody else a moment ago may still be at its files, so removing is tried again.
const WATCH: &str = r#"
folder=$1
shift
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
  rm -rf -- "$folder" && break
  sleep 1
done
"#;

/// Only its owner may look in: a server's socket is there, and the password in its first file.
const PRIVATE: u32 = 0o700;

/// The folder, and the shell that removes it.
#[derive(Debug)]
pub(crate) struct Folder {
    // Dropped first: it ends what still works in the folder.
    watchdog: Watchdog,
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("harness-mysql-")
            .permissions(Permissions::from_mode(PRIVATE))
            .tempdir()
            .map_err(Error::files("make a temporary folder"))?;
        let watchdog = Watchdog::start(folder.path(), None)
            .map_err(Error::files("start a shell that removes its folder"))?;
        Ok(Self { watchdog, folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Has the shell watch over a program too, which is started here.
    pub(crate) fn watch(&mut self, program: &OsStr, arguments: &[OsString]) -> Result<(), Error> {
        let command = Some((program, arguments));
        let watchdog = Watchdog::start(self.folder.path(), command)
            .map_err(Error::files("start a shell that runs it"))?;
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
    fn start(folder: &Path, command: Option<(&OsStr, &[OsString])>) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", WATCH, "harness-watch"]).arg(folder);
        if let Some((program, arguments)) = command {
            shell.arg(program).args(arguments);
        }
        // Ctrl-C goes to the process group of the terminal, and this one has work to do then.
        shell.process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { shell: shell.spawn()? })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
