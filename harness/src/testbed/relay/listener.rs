//! Where a relay listens: takes connections in, and ends them with itself.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::connection::{carry, reset};
use super::link::{Entry, Wire};

/// How long to wait where the system cannot give another connection, before asking again.
const PAUSE: Duration = Duration::from_millis(10);

/// A relay that listens.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    wire: Arc<Wire>,
    task: JoinHandle<()>,
}

/// What every connection of a relay shares.
struct Relay {
    target: String,
    wire: Arc<Wire>,
    reads_requests: bool,
}

impl Listener {
    /// Listens on a free port of the loopback address, for connections to `target`, a `host:port`.
    pub(super) async fn start(
        target: String,
        wire: Wire,
        reads_requests: bool,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let wire = Arc::new(wire);
        let relay = Relay { target, wire: Arc::clone(&wire), reads_requests };
        let task = tokio::spawn(serve(listener, Arc::new(relay)));
        Ok(Self { address, wire, task })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Closes every connection, and listens no more.
    pub(super) fn close(&self) {
        self.task.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

async fn serve(listener: TcpListener, relay: Arc<Relay>) {
    // Dropped with this task, which ends them.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! { biased;
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(connection(client, Arc::clone(&relay)));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

async fn connection(client: TcpStream, relay: Arc<Relay>) {
    let Relay { target, wire, reads_requests } = &*relay;
    let life = match wire.enter() {
        Entry::Open(life) => life,
        Entry::Cut => return reset(&client),
        Entry::Hole => {
            // It hears nothing, and afterwards learns that nobody was there.
            wire.out_of_the_hole().await;
            return reset(&client);
        }
    };
    let server = tokio::select! { biased;
        () = life.broken() => return reset(&client),
        connected = TcpStream::connect(target.as_str()) => connected,
    };
    // Nobody can refuse a connection any more that the kernel has accepted.
    let Ok(server) = server else { return reset(&client) };
    carry(client, server, &life, *reads_requests).await;
}
