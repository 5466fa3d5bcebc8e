//! Brokers that run already, at addresses that the user gave; nothing is started or ended.

use super::Failure;
use crate::driver::{self, Address};

/// Brokers that were not started here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    addresses: Vec<Address>,
}

impl External {
    /// Takes the URLs that name the brokers.
    ///
    /// # Errors
    /// Where there is none, where two are the same, and where one names no broker. Each error names
    /// the URL. Whether a broker listens there is not tried.
    pub fn new<A: AsRef<str>>(addresses: &[A]) -> Result<Self, Failure> {
        let mut known = Vec::with_capacity(addresses.len());
        for address in addresses {
            let given = address.as_ref();
            let (_, address) = driver::parse_url(given)
                .map_err(|why| Failure(format!("broker address {given:?}: {why}")))?;
            if known.contains(&address) {
                return Err(Failure(format!("broker address {given:?} is given twice")));
            }
            known.push(address);
        }
        if known.is_empty() {
            return Err(Failure("no broker address is given".to_owned()));
        }
        Ok(Self { addresses: known })
    }

    /// The addresses.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }
}

#[cfg(test)]
mod tests {
    use super::External;

    fn error(addresses: &[&str]) -> String {
        External::new(addresses).expect_err("it is refused").to_string()
    }

    #[test]
    fn addresses_are_kept_in_order() {
        let external = External::new(&["http://127.0.0.1:5000/", "http://broker"]).unwrap();
        let kept = external.addresses().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(kept, ["127.0.0.1:5000", "broker:80"]);
    }

    #[test]
    fn none_one_given_twice_and_no_url_are_refused() {
        assert_eq!(error(&[]), "no broker address is given");
        let twice = error(&["http://127.0.0.1:5000", "http://127.0.0.1:5000/"]);
        assert_eq!(twice, "broker address \"http://127.0.0.1:5000/\" is given twice");
        let wrong = error(&["https://127.0.0.1:5000"]);
        let expected =
            "broker address \"https://127.0.0.1:5000\": only http:// is spoken, not https://";
        assert_eq!(wrong, expected);
    }
}
