//! Structured logs on stderr.

use std::io;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;

/// Starts logging, unless this process logs already.
pub(crate) fn start(format: LogFormat, level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(level).context("--log-level")?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // An error means that somebody else took the logs, which serves as well.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    Ok(())
}
