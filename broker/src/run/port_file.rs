//! The port file: in it stands the port of a broker that accepts connections, and of no other.

use std::fs;
use std::io;
use std::path::Path;

use crate::io_error;

/// Takes away what a broker left there that was killed: a reader would take its port for this one's.
pub(super) fn clear(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let (path, why) = (path.display(), io_error::text(&error));
            Err(anyhow::anyhow!("cannot take away the old port file {path}: {why}"))
        }
        _ => Ok(()),
    }
}

/// Writes the port in one step: a reader that sees the file sees all of it.
pub(super) fn write(path: &Path, port: u16) -> anyhow::Result<()> {
    let writing = || {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let written = fs::write(&temporary, format!("{port}\n"));
        written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    };
    writing().map_err(|error: io::Error| {
        let why = match path.parent() {
            Some(folder) if error.kind() == io::ErrorKind::NotFound => {
                format!("there is no folder {}", folder.display())
            }
            _ => io_error::text(&error),
        };
        anyhow::anyhow!("cannot write the port file {}: {why}", path.display())
    })
}

/// Takes the file away, unless another broker has written its own port there.
pub(super) fn remove(path: &Path, port: u16) {
    if fs::read_to_string(path).is_ok_and(|text| text == format!("{port}\n")) {
        let _ = fs::remove_file(path);
    }
}
