//! Tokens: who may do what. The file has a line for each, with the token's hash in place of the token,
//! so that whoever reads the file cannot use it.

mod file;
mod made;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

pub use self::made::{NewToken, TokenArguments};
use crate::followed::Followed;

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
    const ALL: [Self; 3] = [Self::Produce, Self::Consume, Self::Admin];

    /// As files and flags have it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Produce => "produce",
            Self::Consume => "consume",
            Self::Admin => "admin",
        }
    }
}

/// The tokens of a file, kept up to date while a server runs.
pub struct Tokens(Followed<Table>);

/// By the SHA-256 of the token. How long a look-up takes says something about hashes only, which
/// nobody can choose: so nothing is to be compared in constant time.
type Table = BTreeMap<Hash, Holder>;
type Hash = [u8; 32];

/// Who has a token, and for what.
struct Holder {
    name: String,
    scopes: Vec<Scope>,
}

/// What is to be said about a token.
pub(crate) enum Verdict {
    Permitted,
    Unknown,
    /// It is known, by this name, and not for this.
    Lacking(String),
}

impl Tokens {
    /// Reads a file of tokens.
    ///
    /// # Errors
    /// What is wrong with it, with its name and the line.
    pub fn read(file: &Path) -> Result<Self, String> {
        Followed::read(&[file], file::parse).map(Self)
    }

    /// Reads the file again whenever it has changed, for ever.
    pub(crate) async fn follow(&self) {
        self.0.follow("the tokens").await;
    }

    /// Whether a token may be used, for this where it is said.
    pub(crate) fn judge(&self, token: &[u8], scope: Option<Scope>) -> Verdict {
        let table = self.0.now();
        match (table.get(&hash(token)), scope) {
            (None, _) => Verdict::Unknown,
            (Some(holder), Some(scope)) if !holder.scopes.contains(&scope) => {
                Verdict::Lacking(holder.name.clone())
            }
            (Some(_), _) => Verdict::Permitted,
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("count", &self.0.now().len()).finish()
    }
}

fn hash(token: &[u8]) -> Hash {
    Sha256::digest(token).into()
}
