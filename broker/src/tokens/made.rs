//! `broker token`: makes a token, and the line that lets it in.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};

use anyhow::Context as _;

use super::file::check_name;
use super::table::{Scope, hash};

/// What `broker token` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct TokenArguments {
    /// What the token is for; several with commas
    #[arg(long, value_name = "produce,consume,admin", required = true, value_delimiter = ',')]
    pub scope: Vec<Scope>,

    /// What logs and refusals call it [default: one made of its hash]
    #[arg(long, value_name = "NAME", value_parser = check_name)]
    pub name: Option<String>,
}

/// A token, and the line that lets it in.
pub struct NewToken {
    /// It is kept nowhere.
    pub token: String,
    /// For the file of tokens.
    pub line: String,
}

impl TokenArguments {
    /// Makes a token by the system's own chance.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn make(&self) -> io::Result<NewToken> {
        let mut chance = [0; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut chance)?;
        let token = hex(&chance);
        let hash = hex(&hash(token.as_bytes()));
        let name = self.name.clone().unwrap_or_else(|| format!("token-{}", &hash[..8]));
        let scopes: BTreeSet<Scope> = self.scope.iter().copied().collect();
        let scopes: Vec<&str> = scopes.into_iter().map(Scope::word).collect();
        Ok(NewToken { token, line: format!("{name} {} sha256:{hash}", scopes.join(",")) })
    }

    /// Makes one and prints it, once. The line goes to standard output, so that it can be appended to
    /// the file; the token goes to standard error.
    ///
    /// # Errors
    /// When the system gives no chance, or nobody reads what is printed.
    pub fn print(&self) -> anyhow::Result<()> {
        let NewToken { token, line } = self.make().context("cannot read /dev/urandom")?;
        let mut out = io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot print the line")?;
        writeln!(io::stderr(), "the token, which is shown this once: {token}")
            .context("cannot print the token")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes what is written to it");
        text
    })
}
