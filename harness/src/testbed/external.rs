//! Brokers that run already, at addresses that the user gave; nothing is started or ended.

use std::future::{pending, ready};

use reqwest::Url;

use super::{Failure, Testbed};
use crate::driver::Pending;

/// Brokers that are somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    addresses: Vec<String>,
}

impl External {
    /// Takes base addresses, such as `http://127.0.0.1:5000`; a `/` at the end is dropped.
    ///
    /// # Errors
    /// Where there is none, where two are the same, and where one is more or other than
    /// `http://host` with or without a port. Each error names the address. Whether anybody listens
    /// there is not tried.
    pub fn new<A: AsRef<str>>(addresses: &[A]) -> Result<Self, Failure> {
        let mut known = Vec::with_capacity(addresses.len());
        for address in addresses {
            let base = base_address(address.as_ref())?;
            if known.contains(&base) {
                return Err(Failure(format!("broker address {base:?} is given twice")));
            }
            known.push(base);
        }
        if known.is_empty() {
            return Err(Failure("no broker address is given".to_owned()));
        }
        Ok(Self { addresses: known })
    }
}

impl Testbed for External {
    fn addresses(&self) -> &[String] {
        &self.addresses
    }

    fn ended(&mut self) -> Pending<'_, String> {
        Box::pin(pending())
    }

    fn stop(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }
}

/// The address without what does not belong to a base; an error says what does not.
fn base_address(given: &str) -> Result<String, Failure> {
    let refuse = |why: &str| Err(Failure(format!("broker address {given:?}: {why}")));
    if !given.contains("://") {
        return refuse(&format!("the scheme is missing; did you mean \"http://{given}\"?"));
    }
    let url = match Url::parse(given) {
        Ok(url) => url,
        Err(error) => return refuse(&error.to_string()),
    };
    if url.scheme() != "http" {
        return refuse(&format!("only http:// is spoken, not {}://", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("a user or password has no use here");
    }
    if url.path() != "/" {
        return refuse(&format!("a broker has no path, and this one says {:?}", url.path()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("a broker's address has neither '?' nor '#'");
    }
    if url.port() == Some(0) {
        return refuse("nobody can listen on port 0");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::External;
    use crate::testbed::Testbed;

    fn error(addresses: &[&str]) -> String {
        External::new(addresses).expect_err("it is refused").to_string()
    }

    #[test]
    fn base_addresses_are_kept_in_order_without_a_slash() {
        let given = ["http://127.0.0.1:5000/", "http://broker", "http://[::1]:6000"];
        let external = External::new(&given).unwrap();
        let kept = ["http://127.0.0.1:5000", "http://broker", "http://[::1]:6000"];
        assert_eq!(external.addresses(), kept);
    }

    #[test]
    fn every_error_names_the_address_and_what_is_wrong_with_it() {
        let cases = [
            ("127.0.0.1:5000", "did you mean \"http://127.0.0.1:5000\"?"),
            ("https://127.0.0.1:5000", "only http:// is spoken, not https://"),
            ("http://", "empty host"),
            ("http://a:b@127.0.0.1", "a user or password"),
            ("http://127.0.0.1:5000/topics", "says \"/topics\""),
            ("http://127.0.0.1:5000?x=1", "neither '?' nor '#'"),
            ("http://127.0.0.1:99999", "invalid port number"),
            ("http://127.0.0.1:0", "port 0"),
            ("", "the scheme is missing"),
        ];
        for (given, part) in cases {
            let error = error(&[given]);
            assert!(error.contains(&format!("{given:?}")), "{error}");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn none_and_one_given_twice_are_refused() {
        assert_eq!(error(&[]), "no broker address is given");
        let twice = error(&["http://127.0.0.1:5000", "http://127.0.0.1:5000/"]);
        assert_eq!(twice, "broker address \"http://127.0.0.1:5000\" is given twice");
    }
}
