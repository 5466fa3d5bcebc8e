//! A port that is kept free for a server.
//!
//! A socket that is bound and does not listen keeps the system from giving the port to another
//! program, or to a client that looks for the server. On Linux a program that listens is let in
//! beside it, as long as both allow it, as servers do.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// Holds the port until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Claim {
    /// Claims the port; port 0 takes a free one.
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }

    /// With the port that was taken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The claim while the server starts: where none can listen beside it, it is given up.
    pub(super) fn beside_start(self) -> Option<Self> {
        cfg!(target_os = "linux").then_some(self)
    }
}
