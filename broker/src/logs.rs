//! Structured logs on stderr.

use std::io::{self, Write};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, registry};

use crate::arguments::LogFormat;

/// Starts logging, unless this process logs already.
pub(crate) fn start(format: LogFormat, levels: Targets) {
    // Its own complaint about a log that cannot be written panics where stderr is gone.
    let logs = fmt::layer().log_internal_errors(false).with_writer(|| Lossy(io::stderr()));
    let logs = match format {
        LogFormat::Text => logs.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => logs.json().flatten_event(true).boxed(),
    };
    // It fails where a program that runs a broker logs in its own way already.
    let _ = registry().with(levels).with(logs).try_init();
}

/// Stderr without its errors: a broker goes on when the reader of its log is gone.
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
