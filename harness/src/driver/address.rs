//! Where a broker is reached: a host and a port, or nothing at all for one that is spoken to
//! through a child's standard input and output. Each driver makes of it what its protocol wants.

use std::fmt;
use std::net::SocketAddr;

use super::keys::Keys;

/// Where one broker is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// It listens.
    Listens {
        /// A name or an IP address, an IPv6 address in brackets.
        host: String,
        /// From 1.
        port: u16,
        /// How a client comes in.
        access: Access,
    },
    /// It does not: the driver has another way to it, which no relay can stand in.
    None,
}

/// How a client comes in. It is never printed: a password is in it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// A user and a password, either of which may be empty.
    pub login: Option<(String, String)>,
    /// Whether the connection is to be encrypted.
    pub tls: bool,
    /// What follows the host in the URL, without the slash: a virtual host, a database.
    pub path: String,
    /// What no URL says.
    pub keys: Keys,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("login", &self.login.as_ref().map(|_| "..."))
            .field("tls", &self.tls)
            .field("path", &self.path)
            .finish()
    }
}

impl Address {
    /// One that listens at a host and a port, and asks for nothing.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self::Listens { host: host.to_owned(), port, access: Access::default() }
    }

    /// The same broker behind a relay that listens at this address.
    #[must_use]
    pub fn behind(&self, relay: SocketAddr) -> Self {
        match (Self::from(relay), self) {
            (Self::Listens { host, port, .. }, Self::Listens { access, .. }) => {
                Self::Listens { host, port, access: access.clone() }
            }
            (relay, _) => relay,
        }
    }

    /// The same broker, where a client has these keys.
    #[must_use]
    pub fn with_keys(mut self, keys: &Keys) -> Self {
        if let Self::Listens { access, .. } = &mut self {
            access.keys = keys.clone();
        }
        self
    }

    /// How a client comes in, where it listens.
    #[must_use]
    pub fn access(&self) -> Option<&Access> {
        match self {
            Self::Listens { access, .. } => Some(access),
            Self::None => None,
        }
    }

    /// `127.0.0.1:5000`, where it listens.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        match self {
            Self::Listens { host, port, .. } => Some(format!("{host}:{port}")),
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
        Self::new(&host, address.port())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority().unwrap_or_else(|| "no address".to_owned()))
    }
}
