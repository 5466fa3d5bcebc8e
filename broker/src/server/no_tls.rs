//! In place of TLS where the cargo feature `tls` is off: nothing that could be used.

use std::io;
use std::path::Path;

/// The certificate of a server: there is none without the cargo feature `tls`.
#[derive(Debug)]
pub enum Tls {}

/// There is no such connection.
pub(super) type Encrypted<S> = S;

impl Tls {
    /// Refuses.
    ///
    /// # Errors
    /// Always: says what builds it.
    pub fn read(_: &Path, _: &Path) -> Result<Self, String> {
        Err("this broker is built without TLS: `cargo build --package broker --features tls` builds \
             one with it"
            .to_owned())
    }

    pub(crate) async fn follow(&self) {
        match *self {}
    }

    pub(super) async fn accept<S>(&self, _: S) -> io::Result<Encrypted<S>> {
        match *self {}
    }
}
