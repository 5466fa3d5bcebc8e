//! The port file: in it stands the port of a broker that accepts connections, and of no other.
//!
//! A broker keeps its file locked. The system takes the lock away with the process, so what a killed one
//! left is told from what is another's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::io_error;

/// Takes away what a broker left there that was killed: a reader would take its port for this one's.
///
/// # Errors
/// When a broker that runs has written it, and when it cannot be taken away; says which.
pub(super) fn clear(path: &Path) -> anyhow::Result<()> {
    check_free(path)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let (path, why) = (path.display(), io_error::text(&error));
            Err(anyhow::anyhow!("cannot take away the old port file {path}: {why}"))
        }
        _ => Ok(()),
    }
}

/// Refuses the file of a broker that runs.
fn check_free(path: &Path) -> anyhow::Result<()> {
    // Opening a pipe would wait for somebody to write to it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let Ok(mut file) = OpenOptions::new().read(true).custom_flags(flags).open(path) else {
        return Ok(());
    };
    // Shared, so that brokers that start together do not take each other's look for a lock. Where
    // files cannot be locked, all are taken for left.
    if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        let mut port = String::new();
        let _ = file.read_to_string(&mut port);
        let (path, port) = (path.display(), port.trim());
        anyhow::bail!(
            "the port file {path} is that of a broker that runs, at port {port}: name another one"
        );
    }
    Ok(())
}

/// The port file of a broker that accepts connections. Dropped, it is taken away, unless another
/// broker has put its own there.
#[derive(Debug)]
pub(super) struct PortFile {
    path: PathBuf,
    /// It is locked.
    file: File,
}

impl PortFile {
    /// Writes the port in one step: a reader that sees the file sees all of it.
    ///
    /// # Errors
    /// When a broker that runs has written it meanwhile, and when it cannot be written; says which.
    pub(super) fn write(path: &Path, port: u16) -> anyhow::Result<Self> {
        let cannot = |error: io::Error| {
            let why = match path.parent() {
                Some(folder) if error.kind() == io::ErrorKind::NotFound => {
                    format!("there is no folder {}", folder.display())
                }
                _ => io_error::text(&error),
            };
            anyhow::anyhow!("cannot write the port file {}: {why}", path.display())
        };
        let name = path.file_name().ok_or_else(|| cannot(io::ErrorKind::InvalidFilename.into()));
        let mut name = name?.to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let writing = || {
            let mut file = File::create(&temporary).map_err(cannot)?;
            let _ = file.try_lock();
            file.write_all(format!("{port}\n").as_bytes()).map_err(cannot)?;
            // Of two brokers that started together both found nothing there.
            check_free(path)?;
            fs::rename(&temporary, path).map_err(cannot)?;
            anyhow::Ok(file)
        };
        let file = writing().inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Whether what is there now is still what was written: a text that another broker wrote may be
    /// the same.
    fn is_there(&self) -> io::Result<bool> {
        let (ours, there) = (self.file.metadata()?, fs::symlink_metadata(&self.path)?);
        Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        if self.is_there().unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn of_two_brokers_that_start_together_the_second_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("port");
        clear(&path).unwrap();
        clear(&path).unwrap();
        let first = PortFile::write(&path, 5001).unwrap();
        let said = PortFile::write(&path, 5002).unwrap_err().to_string();
        assert!(
            said.ends_with("that of a broker that runs, at port 5001: name another one"),
            "{said}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "5001\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left behind");
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn another_file_is_left_alone_although_it_has_the_same_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("port");
        let ours = PortFile::write(&path, 5001).unwrap();
        let other = folder.path().join("other");
        fs::copy(&path, &other).unwrap();
        fs::rename(&other, &path).unwrap();
        drop(ours);
        assert_eq!(fs::read_to_string(&path).unwrap(), "5001\n");
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("port");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        clear(&path).unwrap();
        assert!(!path.exists());
    }
}
