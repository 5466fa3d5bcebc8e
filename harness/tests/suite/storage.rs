//! The file system below a server's data, mounted for real: what is there after a power cut, what is
//! wrong with the disk while it is, and that nothing is left in the end.

mod life;
mod mapped;
mod model;
mod sequences;
mod troubles;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::fault::{Directories, Keep};
use harness::history::Forgotten;
use harness::server::{Data, Storage};
use harness::storage::mounts;
use private_database::{DISK_MARK, FOLDER_MARK, Folder};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::missing::has_storage_faults;
use crate::support::{processes, wait_for};

fn harness() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_harness"))
}

/// A file system that is mounted in a folder of its own.
struct Mounted {
    // Before the folder: who removes that waits for the process that serves.
    storage: Storage,
    folder: Folder,
}

fn data(folder: &Folder) -> Data {
    Data { folder: folder.path().join("data"), noise: &["*.log"] }
}

impl Mounted {
    /// With syncs that take nothing; none where it cannot be had.
    async fn new(directories: Directories) -> Option<Self> {
        if !has_storage_faults() {
            return None;
        }
        let folder = Folder::new("storage").unwrap();
        let (data, fsync) = (data(&folder), Duration::ZERO);
        let storage = Storage::start(harness(), &folder, &data, directories, fsync).await.unwrap();
        Some(Self { storage, folder })
    }

    fn root(&self) -> PathBuf {
        self.storage.mount().to_owned()
    }

    fn join(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// A cut while nobody uses it, after which nothing survives that was not synced.
    async fn cut(&self) -> Forgotten {
        self.storage.cut(Keep::None, 1, || {}).await.unwrap()
    }

    /// The process that serves it.
    fn process(&self) -> i32 {
        serving(self.folder.path())[0]
    }
}

/// The processes that serve file systems in this folder.
fn serving(folder: &Path) -> Vec<i32> {
    marked(&format!("{DISK_MARK}={}", folder.display()))
}

/// The processes in whose environment this is.
fn marked(mark: &str) -> Vec<i32> {
    let is_marked = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    processes().into_iter().filter(is_marked).collect()
}

/// Waits until nothing is left of a folder: no mount, no process, no file.
fn wait_until_nothing_is_left(folder: &Path) {
    let mark = format!("{FOLDER_MARK}={}", folder.display());
    wait_for("nothing to be left", || {
        let mounted = mounts::below(folder);
        let running = [serving(folder), marked(&mark)].concat();
        (mounted.is_empty() && running.is_empty() && !folder.exists()).then_some(())
    });
}

/// A program of a shell with `$1` as argument, in a process group of its own, killed at the end.
struct Program(Child);

impl Program {
    fn shell(script: &str, file: &Path) -> Self {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "program"]).arg(file).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn id(&self) -> i32 {
        Pid::from_child(&self.0).as_raw_pid()
    }

    /// SIGKILL to the group, without waiting for its end.
    fn kill(&self) {
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.0), Signal::KILL);
    }

    /// Waits for its end, in whatever way.
    fn wait(&mut self) {
        wait_for("the program to end", || self.0.try_wait().unwrap());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        self.wait();
    }
}

fn kill(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Waits until a program has its file open and is in fsync(2), which is held.
fn wait_until_a_sync_waits(file: &Path) {
    let fsync = if cfg!(target_arch = "x86_64") { "74 " } else { "82 " };
    let is_in_it = |pid: &i32| {
        let opens = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.is_ok_and(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to == *file))
        };
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall"));
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
        call.is_ok_and(|call| call.starts_with(fsync)) && files.into_iter().any(opens)
    };
    wait_for("a program to wait for its sync", || processes().iter().any(is_in_it).then_some(()));
}
