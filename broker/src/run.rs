//! A whole broker: from arguments to a server that a signal ends.

use std::fs;
use std::io;
use std::path::Path;
use std::pin::pin;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::arguments::Arguments;
use crate::signal::Signal;
use crate::{io_error, logs, open_files, server};

/// Runs a broker until SIGTERM or SIGINT, then lets it finish and returns; a second signal ends
/// it at once.
///
/// Must not be called inside an async runtime, for it builds its own.
///
/// # Errors
/// When the arguments do not fit together, or it cannot serve: the address is taken, or the port file cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    arguments.check().map_err(anyhow::Error::msg)?;
    logs::start(arguments.log_format, arguments.log_level.clone());
    let mut builder = runtime::Builder::new_multi_thread();
    if let Some(threads) = arguments.threads {
        builder.worker_threads(threads.get());
    }
    let runtime = builder.enable_all().build().context("cannot start the worker threads")?;
    open_files::raise();
    runtime.block_on(run_async(arguments))
}

async fn run_async(arguments: &Arguments) -> anyhow::Result<()> {
    // Before anything is waited for, so that no signal finds the default action.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut signals = async || {
        tokio::select! {
            biased;
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let store = tokio::select! {
        biased;
        signal = signals() => {
            info!(signal, "stopped before it had a store");
            return Ok(());
        }
        store = arguments.open() => store?,
    };
    let options = arguments.options().map_err(anyhow::Error::msg)?;
    let listener = listen(arguments).await?;
    let address = listener.local_addr().context("cannot learn the address")?;
    if let Some(path) = &arguments.port_file {
        write_port(path, address.port()).map_err(|error| {
            let (path, why) = (path.display(), io_error::text(&error));
            anyhow::anyhow!("cannot write the port file {path}: {why}")
        })?;
    }
    info!(%address, epoch = %store.epoch(), "listening");
    let closing = Signal::default();
    let mut serving = pin!(server::serve(listener, store, options, closing.raised()));
    tokio::select! {
        biased;
        () = &mut serving => {}
        signal = signals() => {
            info!(signal, "shutting down");
            closing.raise();
            tokio::select! {
                biased;
                () = &mut serving => {}
                signal = signals() => warn!(signal, "ending at once, what is in flight is cut off"),
            }
        }
    }
    if let Some(path) = &arguments.port_file {
        remove_port(path, address.port());
    }
    info!("stopped");
    Ok(())
}

async fn listen(arguments: &Arguments) -> anyhow::Result<TcpListener> {
    let address = arguments.listen;
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let why = "another program does; try port 0 for a free one";
            anyhow::anyhow!("cannot listen on {address}: {why}")
        }
        _ => anyhow::anyhow!("cannot listen on {address}: {}", io_error::text(&error)),
    })
}

/// Writes the port in one step: a reader that sees the file sees all of it.
fn write_port(path: &Path, port: u16) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::write(&temporary, format!("{port}\n"));
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Takes the port file away, unless another broker has written its own there.
fn remove_port(path: &Path, port: u16) {
    if fs::read_to_string(path).is_ok_and(|text| text == format!("{port}\n")) {
        let _ = fs::remove_file(path);
    }
}
