//! How a person names a broker that runs already: `http://127.0.0.1:5000`. The scheme is one that a
//! driver of the table speaks.

use url::Url;

use super::address::{Access, Address};
use super::keys::{Keys, TOKEN_VARIABLE};
use super::row::{Row, Takes};

/// The address in a URL, and the driver of its scheme among these.
///
/// # Errors
/// Where it is more or other than a known scheme, `://` and a host with or without a port; says
/// what is wrong with it. Nothing is tried out.
pub(super) fn parse<'a>(rows: &'a [Row], given: &str) -> Result<(&'a Row, Address), String> {
    let schemes =
        || rows.iter().flat_map(|row| row.schemes.iter().map(move |scheme| (row, *scheme)));
    let known = || {
        let mut known: Vec<_> = schemes().map(|(_, scheme)| format!("{scheme}://")).collect();
        known.dedup();
        known.join(", ")
    };
    if !given.contains("://") {
        let first = known();
        let first = first.split(',').next().unwrap_or_default();
        return Err(format!("the scheme is missing; did you mean \"{first}{given}\"?"));
    }
    let url = Url::parse(given).map_err(|error| error.to_string())?;
    let Some((row, _)) = schemes().find(|(_, scheme)| *scheme == url.scheme()) else {
        let cure = if url.scheme() == "https" {
            "; the cargo feature `tls` has the harness built with it"
        } else {
            ""
        };
        return Err(format!("only {} is spoken, not {}://{cure}", known(), url.scheme()));
    };
    let has_login = !url.username().is_empty() || url.password().is_some();
    match row.takes {
        Takes::Nothing if has_login => return Err("a user or password has no use here".to_owned()),
        Takes::Keys if has_login => {
            return Err(format!(
                "a user or password has no use here; a token goes into {TOKEN_VARIABLE}"
            ));
        }
        _ => {}
    }
    let path = url.path().strip_prefix('/').unwrap_or_default();
    if !path.is_empty() && row.takes != Takes::LoginAndPath {
        return Err(format!("a broker has no path, and this one says {:?}", url.path()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a broker's address has neither '?' nor '#'".to_owned());
    }
    let is_tls = row.tls.contains(&url.scheme());
    let port = url.port().unwrap_or(if is_tls { row.tls_port } else { row.port });
    if port == 0 {
        return Err("nobody can listen on port 0".to_owned());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the host is missing")?;
    let password = url.password().unwrap_or_default();
    let login = has_login.then(|| Ok::<_, String>((decoded(url.username())?, decoded(password)?)));
    let (login, path, keys) = (login.transpose()?, decoded(path)?, Keys::default());
    let access = Access { login, tls: is_tls, path, keys };
    Ok((row, Address::Listens { host: host.to_owned(), port, access }))
}

/// A part of a URL as it is meant, without its `%40`.
fn decoded(part: &str) -> Result<String, String> {
    let text = percent_encoding::percent_decode_str(part).decode_utf8();
    text.map(Into::into).map_err(|_| format!("{part:?} is no UTF-8 when decoded"))
}

#[cfg(test)]
mod tests {
    use super::super::DRIVERS;
    use super::parse;

    #[test]
    fn a_url_is_a_host_and_a_port() {
        let cases = [
            ("http://127.0.0.1:5000/", "127.0.0.1:5000"),
            ("http://broker", "broker:80"),
            ("http://[::1]:6000", "[::1]:6000"),
        ];
        #[cfg(feature = "tls")]
        let cases = cases.into_iter().chain([("https://broker", "broker:443")]);
        for (given, expected) in cases {
            let (row, address) = parse(DRIVERS, given).unwrap();
            assert_eq!((row.word, address.to_string().as_str()), ("detect", expected));
        }
    }

    #[test]
    fn every_error_says_what_is_wrong_with_the_url() {
        let cases = [
            ("127.0.0.1:5000", "did you mean \"http://127.0.0.1:5000\"?"),
            #[cfg(not(feature = "tls"))]
            (
                "https://127.0.0.1:5000",
                "not https://; the cargo feature `tls` has the harness built",
            ),
            ("http://", "empty host"),
            ("http://a:b@127.0.0.1", "a user or password"),
            ("http://127.0.0.1:5000/topics", "says \"/topics\""),
            ("http://127.0.0.1:5000?x=1", "neither '?' nor '#'"),
            ("http://127.0.0.1:99999", "invalid port number"),
            ("http://127.0.0.1:0", "port 0"),
            ("", "the scheme is missing"),
        ];
        for (given, part) in cases {
            let Err(error) = parse(DRIVERS, given) else { panic!("{given} is refused") };
            assert!(error.contains(part), "{error}");
        }
    }
}
