//! Where a server is and how to log in. The password in it is not shown by accident.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::error::Error;

/// The variable that names a server that runs already.
pub const URL_VARIABLE: &str = "HARNESS_MYSQL_URL";

/// Where a server listens that says nothing else.
const PORT: u16 = 3306;

/// `mysql://user:password@host:3306`, perhaps with a query. Shown without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// User, password, host and port.
    authority: String,
    /// What stands behind `?`.
    query: Option<String>,
}

impl Url {
    /// The server that [`URL_VARIABLE`] names, if it does.
    pub fn from_environment() -> Result<Option<Self>, Error> {
        let Some(text) = std::env::var_os(URL_VARIABLE).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let named = |error| match error {
            Error::Url { why, .. } => Error::Url { what: URL_VARIABLE.to_owned(), why },
            other => other,
        };
        text.to_string_lossy().parse().map(Some).map_err(named)
    }

    /// The URL of one database of the server, with the password, so it is not to be shown.
    /// Letters, digits and `_` need no escape in the name.
    pub fn of_database(&self, name: &str) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("mysql://{}/{name}{query}", self.authority)
    }

    /// Where it is reached by TCP, as `host:port`; none where it names a Unix socket.
    pub fn tcp(&self) -> Option<String> {
        let query = self.query.as_deref().unwrap_or_default();
        if query.split('&').any(|pair| pair.starts_with("socket=")) {
            return None;
        }
        let host = self.host();
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        Some(if has_port { host.to_owned() } else { format!("{host}:{PORT}") })
    }

    /// The same server behind something that listens there and passes everything on.
    pub fn at(&self, address: SocketAddr) -> Self {
        let login = self.authority.strip_suffix(self.host()).unwrap_or_default();
        Self { authority: format!("{login}{address}"), query: self.query.clone() }
    }

    /// Host, and port where there is one.
    fn host(&self) -> &str {
        self.authority.rsplit('@').next().unwrap_or_default()
    }

    /// Of a private server.
    pub(crate) fn new(authority: String, query: Option<String>) -> Self {
        Self { authority, query }
    }
}

/// A database that the URL names is passed over: every run has its own.
impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || malformed("");
        let rest = text.strip_prefix("mysql://").or_else(|| text.strip_prefix("mariadb://"));
        let rest = rest.ok_or_else(bad)?;
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query.to_owned())),
            None => (rest, None),
        };
        let authority = place.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let blank = |c: char| c.is_whitespace() || c.is_control();
        if host.is_empty() || host.starts_with(':') || text.contains(blank) {
            return Err(bad());
        }
        if rest.contains('#') {
            return Err(malformed(ESCAPE));
        }
        check_port(host, rest)?;
        Ok(Self { authority: authority.to_owned(), query })
    }
}

/// What to do about characters that mean something in a URL.
const ESCAPE: &str = "; percent-encode / # ? @ and the like in the password, as in %2F %23 %3F %40";

/// The port that follows the host, if one does.
fn check_port(host: &str, rest: &str) -> Result<(), Error> {
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    let Some((_, port)) = behind.rsplit_once(':') else { return Ok(()) };
    if port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Ok(());
    }
    // An `@` further on: what looks like a port is the password up to its `/` or `?`.
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    let is_login = rest.contains('@') && !place.contains('@');
    Err(malformed(if is_login { ESCAPE } else { "; its port is no number from 1 to 65535" }))
}

fn malformed(why: &'static str) -> Error {
    Error::Url { what: "the text".to_owned(), why }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (login, host) = self.authority.rsplit_once('@').unwrap_or(("", &self.authority));
        match login.split_once(':') {
            _ if login.is_empty() => write!(f, "mysql://{host}"),
            Some((user, _)) => write!(f, "mysql://{user}:***@{host}"),
            None => write!(f, "mysql://{login}@{host}"),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_takes_the_place_of_the_one_that_was_named() {
        let check = |text: &str, expected| {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.of_database("runs"), expected);
        };
        check("mysql://u:p@host:3306", "mysql://u:p@host:3306/runs");
        check("mysql://u:p@host:3306/other", "mysql://u:p@host:3306/runs");
        check("mysql://u@host/?socket=/s.sock", "mysql://u@host/runs?socket=/s.sock");
        check("mysql://host?ssl-mode=REQUIRED", "mysql://host/runs?ssl-mode=REQUIRED");
        check("mariadb://u:p@[::1]:3306/", "mysql://u:p@[::1]:3306/runs");
    }

    #[test]
    fn a_relay_takes_the_place_of_host_and_port() {
        let check = |text: &str, tcp: Option<&str>, at| {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.tcp().as_deref(), tcp);
            let relay = "127.0.0.1:4000".parse().unwrap();
            assert_eq!(url.at(relay).of_database("runs"), at);
        };
        let at = "mysql://u:p@127.0.0.1:4000/runs";
        check("mysql://u:p@host:3307/other", Some("host:3307"), at);
        check("mysql://u:p@[::1]", Some("[::1]:3306"), at);
        check("mysql://host?x=1", Some("host:3306"), "mysql://127.0.0.1:4000/runs?x=1");
        check("mysql://u:p@h?socket=/s", None, "mysql://u:p@127.0.0.1:4000/runs?socket=/s");
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for text in
            ["", "secret", "http://u:secret@host", "mysql://", "mysql://u:secret@", "mysql://:3306"]
        {
            let error = text.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains("expected mysql://user:password@host:3306"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_bad_port_and_a_password_that_is_not_encoded_are_told_apart() {
        for (text, says) in [
            ("mysql://u:p@host:secret", "its port is no number from 1 to 65535"),
            ("mysql://u:p@host:70000/secret", "its port is no number from 1 to 65535"),
            ("mysql://u:p@[::1]:0", "its port is no number from 1 to 65535"),
            ("mysql://u:sec/secret@host", "percent-encode / # ? @"),
            ("mysql://u:sec?secret@host:3306", "percent-encode / # ? @"),
            ("mysql://u:sec#secret@host:3306", "percent-encode / # ? @"),
        ] {
            let error = text.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("secret"), "{text}: {error}");
        }
        for fine in ["mysql://u:p@[::1]:3306", "mysql://u:p@[::1]", "mysql://host"] {
            assert!(fine.parse::<Url>().is_ok(), "{fine}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let check = |text: &str, shown| {
            let url: Url = text.parse().unwrap();
            assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
        };
        check("mysql://u:se:cr@et@host:3306/x?socket=/s", "mysql://u:***@host:3306");
        check("mysql://u@host", "mysql://u@host");
        check("mysql://host", "mysql://host");
    }
}
