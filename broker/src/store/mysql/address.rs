//! Where a database is and how to log in to it, as one URL whose password is never shown.

use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use url::Url;

/// `mysql://user:password@host:3306/database`, which may end in `?socket=/path/to.sock`.
///
/// Shown without its password, and without what follows a `?` but for the socket.
#[derive(Clone)]
pub struct Address {
    options: MySqlConnectOptions,
    server: MySqlConnectOptions,
    database: String,
    shown: String,
}

/// What may follow the `?`; the last four need the cargo feature `tls`.
const KEYS: [&str; 5] = ["socket", "ssl-mode", "ssl-ca", "ssl-cert", "ssl-key"];

/// Databases that a server keeps for itself.
const SYSTEM: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// The longest name of a database.
const DATABASE_MAX: usize = 64;

impl Address {
    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    pub(super) fn options(&self) -> MySqlConnectOptions {
        self.options.clone()
    }

    /// The server alone, for when the database is not there.
    pub(super) fn without_database(&self) -> MySqlConnectOptions {
        self.server.clone()
    }

    /// The database's name as an identifier. Identifiers cannot be bound as parameters; this one
    /// consists of characters that mean nothing within back ticks.
    pub(super) fn identifier(&self) -> String {
        format!("`{}`", self.database)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected mysql://user:password@host:3306/database";
        const ESCAPED: &str =
            "`/`, `#`, `?`, `@` and `%` are written as %2F, %23, %3F, %40 and %25";
        // The parser's own words may quote the password.
        let url = Url::parse(text).map_err(|_| format!("{EXPECTED}; in a password, {ESCAPED}"))?;
        if !matches!(url.scheme(), "mysql" | "mariadb") {
            return Err(format!("there is no store for {}:, {EXPECTED}", url.scheme()));
        }
        let database = url.path().trim_start_matches('/').to_owned();
        if url.fragment().is_some() || database.contains('/') {
            return Err(format!("{EXPECTED}; in a password, {ESCAPED}"));
        }
        for (key, _) in url.query_pairs() {
            if !KEYS.contains(&&*key) {
                // It is not said: it may be a part of the password.
                let known = KEYS.join(", ");
                return Err(format!(
                    "an option after the `?` is not known, there are {known}; in a password, {ESCAPED}"
                ));
            }
            if !cfg!(feature = "tls") && key.starts_with("ssl-") {
                return Err(format!("`{key}` needs a broker that is built with `--features tls`"));
            }
        }
        check_database(&database)?;
        let mut server = url.clone();
        server.set_path("");
        let options =
            |url: &Url| MySqlConnectOptions::from_url(url).map_err(|_| EXPECTED.to_owned());
        let (options, server) = (options(&url)?, options(&server)?);
        Ok(Self { options, server, database, shown: shown(&url) })
    }
}

fn check_database(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$');
    if name.is_empty() {
        return Err("the name of the database is missing: mysql://user@host:3306/NAME".to_owned());
    }
    if SYSTEM.contains(&name) {
        return Err(format!("the database `{name}` is the server's own"));
    }
    if name.len() > DATABASE_MAX || !name.chars().all(allowed) {
        return Err(format!(
            "a database's name has at most {DATABASE_MAX} ASCII letters, digits, `_`, `-` and `$`"
        ));
    }
    Ok(())
}

fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    if url.password().is_some() {
        // It can only fail for a URL that cannot have one.
        let _ = shown.set_password(Some("***"));
    }
    shown.set_query(None);
    let mut shown = shown.to_string();
    if let Some((_, socket)) = url.query_pairs().find(|(key, _)| key == "socket") {
        shown.push_str("?socket=");
        shown.push_str(&socket);
    }
    shown
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let check = |text: &str, shown: &str| {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        };
        check("mysql://ann:s3cret@db:3307/b", "mysql://ann:***@db:3307/b");
        check("mysql://ann:a%40b@db/b", "mysql://ann:***@db/b");
        check("mysql://root@localhost/b?socket=/tmp/s", "mysql://root@localhost/b?socket=/tmp/s");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let check = |text: &str, part: &str| {
            let why = text.parse::<Address>().expect_err(text);
            assert!(why.contains(part), "{why}");
            assert!(!why.contains("s3cret"), "{why}");
        };
        check("ann:s3cret@db/b", "expected mysql://");
        check("mysql://ann:s3cret@db:999999/b", "expected mysql://");
        check("postgres://ann:s3cret@db/b", "no store for postgres:, expected mysql://");
        check("mysql://ann:s3cret@db", "the name of the database is missing");
        check("mysql://ann:s3cret@db/a%60b", "a database's name has at most 64");
        check("mysql://ann:s3cret@db/b?pool=3", "an option after the `?` is not known");
    }
}
