//! Nothing is mounted, nothing runs and nothing hangs in the end, in whatever way it ends.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::fault::{Directories, Keep};
use harness::server::Storage;
use harness::server::child::Child;
use harness::storage::mounts;
use private_database::{Folder, Invocation};
use rustix::process::Signal;

use super::{
    Mounted, Program, data, harness, kill, serving, wait_until_a_sync_waits,
    wait_until_nothing_is_left,
};
use crate::support::missing::has_storage_faults;
use crate::support::{state, wait_for};

/// Writes to its file and syncs it, again and again, until that fails.
const SYNCS: &str = "while dd if=/dev/zero of=\"$1\" bs=512 count=1 conv=fsync; do :; done";

/// Cannot be asked to end, and keeps its file open.
const STAYS: &str = "trap \"\" TERM; exec 3>\"$1\"; echo >&3; while :; do sleep 1000; done";

/// A program that syncs. It finds its file: one that is looked for while it is made may be shown as
/// deleted to who looks for its open files.
fn syncing(file: &Path) -> Program {
    File::create(file).unwrap();
    Program::shell(SYNCS, file)
}

/// A program that stays, once it has its file open.
fn staying(file: &Path) -> Program {
    let program = Program::shell(STAYS, file);
    wait_for("the program", || fs::read(file).is_ok_and(|text| !text.is_empty()).then_some(()));
    program
}

#[tokio::test]
async fn it_ends_in_good_order_and_leaves_nothing() {
    let Some(Mounted { storage, folder }) = Mounted::new(Directories::Now).await else { return };
    let (path, process) = (folder.path().to_owned(), serving(folder.path())[0]);
    assert!(mounts::is_mounted(storage.mount()));
    fs::create_dir_all(storage.mount().join("a/b")).unwrap();
    fs::write(storage.mount().join("a/b/c"), "text").unwrap();
    storage.end().await.unwrap();
    assert_eq!(state(process), None);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "neither the mount's folder nor its files");
    let error = storage.settle(true).await.unwrap_err().to_string();
    assert!(error.contains("was ended before the order \"settle\""), "{error}");
    drop((storage, folder));
    wait_until_nothing_is_left(&path);
}

#[tokio::test]
async fn dropped_it_leaves_nothing_either() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let (path, process) = (mounted.folder.path().to_owned(), mounted.process());
    fs::write(mounted.join("file"), "text").unwrap();
    drop(mounted);
    assert_eq!(state(process), None);
    wait_until_nothing_is_left(&path);
}

#[tokio::test]
async fn a_folder_that_is_not_empty_is_refused() {
    if !has_storage_faults() {
        return;
    }
    let folder = Folder::new("storage").unwrap();
    let data = data(&folder);
    fs::create_dir(&data.folder).unwrap();
    fs::write(data.folder.join("configuration"), "text").unwrap();
    let started = Storage::start(harness(), &folder, &data, Directories::Now, Duration::ZERO).await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("data is not empty: what is in it would be hidden"), "{error}");
    assert_eq!(fs::read_to_string(data.folder.join("configuration")).unwrap(), "text");
    assert_eq!(serving(folder.path()), [0; 0]);
}

#[tokio::test]
async fn a_cut_ends_a_program_that_is_in_a_held_sync() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let file = mounted.join("file");
    let mut program = syncing(&file);
    let kills = || {
        wait_until_a_sync_waits(&file);
        program.kill();
    };
    let forgotten = mounted.storage.cut(Keep::None, 1, kills).await.unwrap();
    program.wait();
    assert!(forgotten.bytes == 512 && forgotten.files == 1, "{forgotten:?}");
    assert!(mounts::is_mounted(&mounted.root()), "anew");
    fs::write(&file, "text").unwrap();
    File::open(&file).unwrap().sync_all().unwrap();
    mounted.storage.end().await.unwrap();
}

#[tokio::test]
async fn a_cut_names_who_goes_on_using_the_folder() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let program = staying(&mounted.join("file"));
    let failure = mounted.storage.cut(Keep::None, 1, || {}).await.unwrap_err().to_string();
    assert!(failure.contains("data stays in use: used by"), "{failure}");
    assert!(failure.contains(&format!("sh ({})", program.id())), "{failure}");
    drop(program);
    mounted.cut().await;
    mounted.storage.end().await.unwrap();
}

#[tokio::test]
async fn at_its_end_the_folder_is_taken_from_a_program_that_stays() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let path = mounted.folder.path().to_owned();
    let program = staying(&mounted.join("file"));
    kill(program.id(), Signal::TERM);
    let failure = mounted.storage.end().await.unwrap_err().to_string();
    assert!(failure.contains(&format!("sh ({})", program.id())), "{failure}");
    assert!(failure.contains("it was unmounted all the same"), "{failure}");
    drop(mounted);
    wait_until_nothing_is_left(&path);
}

#[tokio::test]
async fn kill_9_of_its_process_leaves_nothing_not_even_in_a_held_sync() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let (path, file) = (mounted.folder.path().to_owned(), mounted.join("file"));
    let process = mounted.process();
    let mut program = syncing(&file);
    let mut other = staying(&mounted.join("other"));
    let kills = || {
        wait_until_a_sync_waits(&file);
        kill(process, Signal::KILL);
    };
    let failure = mounted.storage.cut(Keep::None, 1, kills).await.unwrap_err().to_string();
    assert!(failure.contains("was ended by signal 9"), "{failure}");
    assert!(mounted.storage.ended().await.contains("was ended by signal 9"));
    let failure = mounted.storage.check().await.unwrap_err().to_string();
    assert!(failure.contains("was ended by signal 9"), "asked once more: {failure}");
    // It is let go, with an error.
    program.wait();
    assert!(mounted.storage.end().await.is_err());
    assert!(!mounts::is_mounted(mounted.storage.mount()));
    other.kill();
    other.wait();
    drop(mounted);
    wait_until_nothing_is_left(&path);
}

#[tokio::test]
async fn signals_of_the_terminal_are_not_for_it_and_sigterm_ends_it() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let (path, process) = (mounted.folder.path().to_owned(), mounted.process());
    kill(process, Signal::INT);
    kill(process, Signal::HUP);
    fs::write(mounted.join("file"), "text").unwrap();
    mounted.cut().await;
    kill(process, Signal::TERM);
    let ended = mounted.storage.ended().await;
    assert!(ended.contains("ended with exit code 0"), "{ended}");
    assert!(!mounts::is_mounted(mounted.storage.mount()));
    drop(mounted);
    wait_until_nothing_is_left(&path);
}

/// Set for the process that plays the harness.
const HOLDER: &str = "HARNESS_TESTS_HOLD_STORAGE";

/// What the next tests kill: a harness with a file system, and servers on it. By itself it does nothing.
#[tokio::test]
async fn holder() {
    let Ok(how) = std::env::var(HOLDER) else { return };
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let server = |script: &str, file: &str| {
        let file = mounted.join(file).display().to_string();
        let arguments = ["-c", script, "server", &file];
        let mut run = Invocation::new(Path::new("/bin/sh"), arguments);
        run.environment.push(mounted.folder.mark());
        run
    };
    let _syncs = Child::start(harness(), &server(SYNCS, "syncs")).unwrap();
    // A daemon that left the process group of its parent: only the folder's mark ends it.
    let daemon = format!("setsid sh -c '{STAYS}' daemon \"$1\" & wait");
    let _stays = Child::start(harness(), &server(&daemon, "stays")).unwrap();
    wait_for("the servers", || {
        ["syncs", "stays"].iter().all(|name| mounted.join(name).exists()).then_some(())
    });
    if how == "alone" {
        kill(mounted.process(), Signal::KILL);
    }
    println!("\nfolder {}", mounted.folder.path().display());
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

/// Kills such a harness by SIGKILL.
fn kill_a_harness(how: &str) {
    if !has_storage_faults() {
        return;
    }
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "storage::life::holder", "--nocapture"])
        .env(HOLDER, how)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let folder = lines.find_map(|line| line.strip_prefix("folder ").map(PathBuf::from)).unwrap();
    assert!(!mounts::below(&folder).is_empty(), "{how}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until_nothing_is_left(&folder);
}

#[test]
fn kill_9_of_the_harness_leaves_nothing() {
    kill_a_harness("together");
}

#[test]
fn kill_9_of_the_harness_leaves_nothing_where_its_process_was_killed_before() {
    kill_a_harness("alone");
}
