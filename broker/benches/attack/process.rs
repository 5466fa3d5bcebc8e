//! A broker in a process of its own, killed when dropped.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::time::Duration;

use crate::Failed;
use crate::client::pause;

pub(crate) struct Broker {
    child: Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

impl Broker {
    pub(crate) fn start(binary: &Path, arguments: &[&str]) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port_file = folder.path().join("port");
        let child = Command::new(binary)
            .args(["--listen", "127.0.0.1:0", "--log-level", "error", "--port-file"])
            .arg(&port_file)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()?;
        let mut broker = Self { child, port: 0, _folder: folder };
        loop {
            if let Ok(port) = fs::read_to_string(&port_file) {
                broker.port = port.trim().parse()?;
                return Ok(broker);
            }
            if let Some(status) = broker.child.try_wait()? {
                return Err(format!("the broker ended: {status}").into());
            }
            pause(Duration::from_millis(5));
        }
    }

    /// A value of /proc/PID/status, in MiB.
    pub(crate) fn memory(&self, name: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kilobytes.ok_or(io::ErrorKind::InvalidData)? / 1024)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
