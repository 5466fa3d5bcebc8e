//! Writes a consumer's log as the original does: `T1     INFO`, a line a delivery, in the order
//! received; or in another format.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::driver::Failure;
use crate::io_error;
use crate::log_format::LogFormat;

/// One consumer's log. Lines reach the file with [`ConsumerLog::flush`], once an answer, so that a
/// killed run leaves what was received.
#[derive(Debug)]
pub struct ConsumerLog {
    file: Option<(File, PathBuf)>,
    format: LogFormat,
    buffer: Vec<u8>,
}

impl ConsumerLog {
    /// Creates `consumer_1.txt` in `folder`, or a log that is written nowhere.
    pub fn create(folder: Option<&Path>, number: u32, format: LogFormat) -> Result<Self, Failure> {
        let file = folder.map(|folder| {
            let path = folder.join(format!("consumer_{number}.txt"));
            match File::create(&path) {
                Ok(file) => Ok((file, path)),
                Err(error) => Err(cannot_write(&path, &error)),
            }
        });
        Ok(Self { file: file.transpose()?, format, buffer: Vec::new() })
    }

    /// Adds a line.
    pub fn line(&mut self, topic: &str, payload: &str) -> Result<(), Failure> {
        if let Some((_, path)) = &self.file {
            let written = self.format.write_delivery(topic, payload, &mut self.buffer);
            written.map_err(|error| cannot_write(path, &error))?;
        }
        Ok(())
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
