//! Writes a consumer's log as the original does: `T1     INFO`, a line a delivery, in the order
//! received.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::driver::Failure;
use crate::io_error;

/// What stands between topic and payload: five blanks, as in the original's logs.
const GAP: &str = "     ";

/// One consumer's log. Lines reach the file with [`ConsumerLog::flush`], once an answer, so that a
/// killed run leaves what was received.
#[derive(Debug)]
pub struct ConsumerLog {
    file: Option<(File, PathBuf)>,
    buffer: Vec<u8>,
}

impl ConsumerLog {
    /// Creates `consumer_1.txt` in `folder`, or a log that is written nowhere.
    pub fn create(folder: Option<&Path>, number: u32) -> Result<Self, Failure> {
        let file = folder.map(|folder| {
            let path = folder.join(format!("consumer_{number}.txt"));
            match File::create(&path) {
                Ok(file) => Ok((file, path)),
                Err(error) => Err(cannot_write(&path, &error)),
            }
        });
        Ok(Self { file: file.transpose()?, buffer: Vec::new() })
    }

    /// Adds a line.
    pub fn line(&mut self, topic: &str, payload: &str) {
        if self.file.is_some() {
            self.buffer.extend_from_slice(topic.as_bytes());
            self.buffer.extend_from_slice(GAP.as_bytes());
            self.buffer.extend_from_slice(payload.as_bytes());
            self.buffer.push(b'\n');
        }
    }

    /// Hands the lines to the operating system.
    pub fn flush(&mut self) -> Result<(), Failure> {
        if let Some((file, path)) = &mut self.file {
            file.write_all(&self.buffer).map_err(|error| cannot_write(path, &error))?;
            self.buffer.clear();
        }
        Ok(())
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {}", path.display(), io_error::reason(error)))
}
