//! A whole broker: from arguments to a server that a signal ends.

mod ending;
mod port_file;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime;
use tracing::{info, warn};

use self::ending::Ending;
use self::port_file::PortFile;
use crate::arguments::Arguments;
use crate::signal::Signal;
use crate::{io_error, logs, open_files, server};

/// Runs a broker until SIGTERM, SIGINT or SIGHUP, then lets it finish and returns; a second signal ends
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
    let mut ending = Ending::listen()?;
    if let Some(path) = &arguments.port_file {
        port_file::clear(path)?;
    }
    // Opening a store may change its database, which nothing that cannot be served shall do.
    let clients = bind("--listen", arguments.listen)?;
    let administration =
        arguments.admin_listen.map(|address| bind("--admin-listen", address)).transpose()?;
    let store = tokio::select! {
        biased;
        signal = ending.next() => {
            info!(signal, "stopped before it had a store");
            return Ok(());
        }
        store = arguments.open() => store?,
    };
    let options = arguments.options().map_err(anyhow::Error::msg)?;
    open_files::warn_of(options.connections);
    let listener = clients.listen()?;
    let administration = administration.map(Bound::listen).transpose()?;
    let address = listener.local_addr().context("cannot learn the address")?;
    let path = arguments.port_file.as_deref();
    let port_file = path.map(|path| PortFile::write(path, address.port())).transpose()?;
    // The port may have been left to the system.
    let admin = administration.as_ref().and_then(|listener| listener.local_addr().ok());
    info!(%address, admin = admin.map(display), epoch = %store.epoch(), "listening");
    let closing = Signal::default();
    let mut serving = pin!(server::serve_with_administration(
        listener,
        administration,
        store,
        options,
        closing.raised()
    ));
    tokio::select! {
        biased;
        () = &mut serving => {}
        signal = ending.next() => {
            info!(signal, "shutting down");
            // Whoever comes next may have it while this one finishes.
            drop(port_file);
            closing.raise();
            tokio::select! {
                biased;
                () = &mut serving => {}
                signal = ending.next() => warn!(signal, "ending at once, what is in flight is cut off"),
            }
        }
    }
    info!("stopped");
    Ok(())
}

/// Connections that the system holds until they are accepted; it may hold fewer.
const BACKLOG: u32 = 1024;

/// An address that is ours, where nobody is let in yet.
struct Bound {
    flag: &'static str,
    address: SocketAddr,
    socket: TcpSocket,
}

fn bind(flag: &'static str, address: SocketAddr) -> anyhow::Result<Bound> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Connections that a broker before this one closed may linger.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    match bound() {
        Ok(socket) => Ok(Bound { flag, address, socket }),
        Err(error) => Err(cannot_listen(flag, address, &error)),
    }
}

impl Bound {
    fn listen(self) -> anyhow::Result<TcpListener> {
        let Self { flag, address, socket } = self;
        socket.listen(BACKLOG).map_err(|error| cannot_listen(flag, address, &error))
    }
}

fn cannot_listen(flag: &str, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "another program does; try port 0 for a free one".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => io_error::text(error),
    };
    anyhow::anyhow!("cannot listen on {address} ({flag}): {why}")
}
