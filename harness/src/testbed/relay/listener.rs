//! Where a relay listens: takes connections in, and ends them with itself.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::connection::{carry, reset};
use super::link::{Admission, RelayedLink};
use crate::capability::NewRequests;

/// How long to wait where the system cannot give another connection, before asking again.
const PAUSE: Duration = Duration::from_millis(10);

/// A relay that listens.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What every connection of a relay shares.
struct Relay {
    target: String,
    link: Arc<RelayedLink>,
    requests: Option<NewRequests>,
}

impl Listener {
    /// Listens on a free port of the loopback address, for connections to `target`, a `host:port`.
    pub(super) async fn start(
        target: String,
        link: Arc<RelayedLink>,
        requests: Option<NewRequests>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let relay = Relay { target, link, requests };
        let task = tokio::spawn(serve(listener, Arc::new(relay)));
        Ok(Self { address, task })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
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
    let Relay { target, link, requests } = &*relay;
    let connection = match link.enter() {
        Admission::Open(connection) => connection,
        Admission::Cut => return reset(&client),
        Admission::Hole => {
            // It hears nothing, and is reset afterwards.
            link.out_of_the_hole().await;
            return reset(&client);
        }
    };
    let server = tokio::select! { biased;
        () = connection.broken() => return reset(&client),
        connected = TcpStream::connect(target.as_str()) => connected,
    };
    // The kernel has accepted the connection already, so it cannot be refused any more.
    let Ok(server) = server else { return reset(&client) };
    carry(client, server, &connection, *requests).await;
}
