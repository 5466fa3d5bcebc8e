//! Tokens: who may do what. The file has a line for each, with the token's hash in place of the token,
//! so that whoever reads the file cannot use it.

mod file;
mod made;
mod table;

use std::fmt;
use std::path::Path;

pub use self::made::{NewToken, TokenArguments};
pub use self::table::Scope;
use self::table::{Table, hash};
use crate::followed::Followed;

/// The tokens of a file, kept up to date while a server runs.
pub struct Tokens(Followed<Table>);

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
