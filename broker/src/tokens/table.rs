//! Who has a token, and for what.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// What a token may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Scope {
    /// To create topics and to send.
    Produce,
    /// To subscribe and to poll.
    Consume,
    /// To look at all there is, and to delete.
    Admin,
}

impl Scope {
    pub(super) const ALL: [Self; 3] = [Self::Produce, Self::Consume, Self::Admin];

    /// As files and flags have it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Produce => "produce",
            Self::Consume => "consume",
            Self::Admin => "admin",
        }
    }
}

/// By the SHA-256 of the token. How long a look-up takes says something about hashes only, which
/// nobody can choose: so nothing is to be compared in constant time.
pub(super) type Table = BTreeMap<Hash, Holder>;
pub(super) type Hash = [u8; 32];

/// Who has a token, and for what.
pub(super) struct Holder {
    pub(super) name: String,
    pub(super) scopes: Vec<Scope>,
}

pub(super) fn hash(token: &[u8]) -> Hash {
    Sha256::digest(token).into()
}
