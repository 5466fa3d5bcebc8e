//! The port file: in it stands the port of a broker that accepts connections, and of no other.
//!
//! A broker keeps its file locked. The system takes the lock away with the process, so what a killed one
//! left is told from what is another's.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::io_error;

/// Takes away what a broker left there that was killed: a reader would take its port for this one's.
///
/// # Errors
/// When a broker that runs has written it, and when it cannot be taken away; says which.
pub(super) fn clear(path: &Path) -> anyhow::Result<()> {
    // Shared, so that brokers that start together do not take each other's look for a lock. Where
    // files cannot be locked, all are taken for left.
    let is_locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    if File::open(path).is_ok_and(is_locked) {
        let port = fs::read_to_string(path).unwrap_or_default();
        let (path, port) = (path.display(), port.trim());
        anyhow::bail!(
            "the port file {path} is that of a broker that runs, at port {port}: name another one"
        );
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let (path, why) = (path.display(), io_error::text(&error));
            Err(anyhow::anyhow!("cannot take away the old port file {path}: {why}"))
        }
        _ => Ok(()),
    }
}

/// The port file of a broker that accepts connections. Dropped, it is taken away, unless another
/// broker has written its own port there.
pub(super) struct PortFile {
    path: PathBuf,
    text: String,
    _locked: File,
}

impl PortFile {
    /// Writes the port in one step: a reader that sees the file sees all of it.
    pub(super) fn write(path: &Path, port: u16) -> anyhow::Result<Self> {
        let text = format!("{port}\n");
        let writing = || {
            let mut name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
            name.push(format!(".{}.tmp", std::process::id()));
            let temporary = path.with_file_name(name);
            let writing = || {
                let mut file = File::create(&temporary)?;
                let _ = file.try_lock();
                file.write_all(text.as_bytes())?;
                fs::rename(&temporary, path)?;
                Ok(file)
            };
            writing().inspect_err(|_| {
                let _ = fs::remove_file(&temporary);
            })
        };
        let written = writing().map_err(|error: io::Error| {
            let why = match path.parent() {
                Some(folder) if error.kind() == io::ErrorKind::NotFound => {
                    format!("there is no folder {}", folder.display())
                }
                _ => io_error::text(&error),
            };
            anyhow::anyhow!("cannot write the port file {}: {why}", path.display())
        });
        Ok(Self { path: path.to_owned(), _locked: written?, text })
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
