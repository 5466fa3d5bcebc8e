//! Structured logs on stderr.

use std::io::{self, Write};

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;

/// Starts logging, unless this process logs already.
pub(crate) fn start(format: LogFormat, level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(level).context("--log-level")?;
    // Its own complaint about a log that cannot be written panics where stderr is gone.
    let logs = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let logs = logs.with_writer(|| Lossy(io::stderr()));
    // An error means that somebody else took the logs, which serves as well.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Stderr, where it can be written, and nothing where not: a broker whose log nobody reads any
/// longer goes on.
struct Lossy(io::Stderr);

impl Write for Lossy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
