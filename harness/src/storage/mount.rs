//! One mount of a disk, from its begin to its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use fuser::{BackgroundSession, Config, MountOption, Session};

use super::fuse::Served;
use super::later::now;
use super::mounts;
use crate::io_error;

/// Threads that answer the kernel. None of them waits for anything but files.
const THREADS: usize = 4;

/// How long unmounting is tried while the folder is in use.
const FREE_WITHIN: Duration = Duration::from_secs(2);

/// Between two tries.
const TRY_EVERY: Duration = Duration::from_millis(5);

/// The name that `/proc/mounts` shows, as the source and behind the type.
const NAME: &str = "harness";

/// A file system that is mounted. It stays so when this is dropped while it is in use: see
/// [`Mount::end`].
pub struct Mount {
    folder: PathBuf,
    /// None once it has ended.
    session: Option<BackgroundSession>,
}

impl Mount {
    /// Mounts it on an empty folder.
    ///
    /// # Errors
    /// Where it cannot be mounted, in words for people.
    pub fn new(folder: &Path, served: Served) -> Result<Self, String> {
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName(NAME.to_owned()),
            // As an option of its own: fuser's does not come to the kernel where root mounts.
            MountOption::CUSTOM(format!("subtype={NAME}")),
            // The kernel checks permissions by what is said of modes and owners.
            MountOption::DefaultPermissions,
        ];
        config.n_threads = Some(THREADS);
        let session = Session::new(served, folder, &config).and_then(Session::spawn);
        let cannot = |error: io::Error| {
            format!("cannot mount on {}: {}", folder.display(), io_error::reason(&error).trim_end())
        };
        let mount = Self { folder: folder.to_owned(), session: Some(session.map_err(cannot)?) };
        // A server that is started on the folder below would write to a disk that forgets nothing.
        match mounts::is_mounted(folder) {
            true => Ok(mount),
            false => Err(format!("{} was mounted, and is not", folder.display())),
        }
    }

    /// Waits until nobody uses it, for two seconds, and unmounts it. Whoever waits for an answer must
    /// get one meanwhile.
    ///
    /// # Errors
    /// Where it is in use all the same, by whom.
    pub fn free(&mut self) -> Result<(), String> {
        let until = now() + FREE_WITHIN;
        while let Err(why) = mounts::unmount(&self.folder, false) {
            if !mounts::is_mounted(&self.folder) {
                break;
            }
            if now() >= until {
                let users = mounts::in_words(&mounts::users(&self.folder));
                return Err(format!("{} stays in use: {users} ({why})", self.folder.display()));
            }
            pause();
        }
        self.end_session(until)
    }

    /// The threads that answer the kernel end with the last mount.
    fn end_session(&mut self, until: Instant) -> Result<(), String> {
        while self.session.as_ref().is_some_and(|session| !session.guard.is_finished()) {
            if now() >= until {
                return Err(format!(
                    "{} is unmounted and in use all the same: it is mounted in another namespace, such \
                     as a container's",
                    self.folder.display()
                ));
            }
            pause();
        }
        // It lets go of the device before another is opened.
        self.session = None;
        Ok(())
    }

    /// Unmounts it for good, and where it stays in use, takes it from who uses it.
    ///
    /// # Errors
    /// Where it was in use, by whom; it is unmounted then too.
    pub fn end(&mut self) -> Result<(), String> {
        let Err(why) = self.free() else { return Ok(()) };
        match mounts::unmount(&self.folder, true) {
            Ok(()) => Err(format!("{why}; it was unmounted all the same")),
            Err(also) => Err(format!("{why}; and it cannot be taken from them: {also}")),
        }
    }
}

/// Makes a folder, for its owner alone, and those above it; or takes one that is there and empty.
///
/// # Errors
/// In words for people.
pub fn make_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt as _;
    let cannot = |error: io::Error| format!("{}: {}", folder.display(), io_error::reason(&error));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot)?;
    match fs::read_dir(folder).map_err(cannot)?.next() {
        None => Ok(()),
        Some(_) => Err(format!(
            "{} is not empty: what is in it would be hidden while the file system is there, and may be \
             lost",
            folder.display()
        )),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of this process alone, which has no runtime"
)]
fn pause() {
    thread::sleep(TRY_EVERY);
}
