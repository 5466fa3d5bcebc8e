//! Where a broker is reached: a host and a port, or nothing at all for one that is spoken to
//! through a child's standard input and output. Each driver makes of it what its protocol wants.

use std::fmt;
use std::net::SocketAddr;

/// Where one broker is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// It listens.
    Listens {
        /// A name or an IP address, an IPv6 address in brackets.
        host: String,
        /// From 1.
        port: u16,
    },
    /// It does not: the driver has another way to it, which no relay can stand in.
    None,
}

impl Address {
    /// One that listens at a host and a port.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self::Listens { host: host.to_owned(), port }
    }

    /// `127.0.0.1:5000`, where it listens.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        match self {
            Self::Listens { host, port } => Some(format!("{host}:{port}")),
            Self::None => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        Self::Listens { host, port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority().unwrap_or_else(|| "no address".to_owned()))
    }
}
