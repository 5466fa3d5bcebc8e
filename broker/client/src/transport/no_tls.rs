//! In place of TLS where the cargo feature `tls` is off: nothing that could be used.

use tokio::net::TcpStream;

/// What builds it.
pub(crate) const NOT_BUILT: Option<&str> =
    Some("https is spoken only by a program that is built with the cargo feature `tls`");

/// Whoever signed the certificates of brokers: there is none without the cargo feature `tls`.
#[derive(Clone, Copy, Debug)]
pub enum Ca {}

/// Why a text names nobody that signs certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCa(String);

/// There is no such connection.
pub(super) type Encrypted = Box<TcpStream>;

impl Ca {
    /// Refused.
    ///
    /// # Errors
    /// Always: says what builds it.
    pub fn from_pem(_: &[u8]) -> Result<Self, BadCa> {
        Err(BadCa(NOT_BUILT.unwrap_or_default().to_owned()))
    }
}

/// Refuses: nobody comes here, for such an address is refused before.
pub(super) async fn encrypt(_: Option<&Ca>, _: &str, _: TcpStream) -> Result<Encrypted, String> {
    Err(NOT_BUILT.unwrap_or_default().to_owned())
}
