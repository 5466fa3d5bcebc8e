//! Brokers that run already, at addresses that the user gave; nothing is started or ended.

use super::Failure;
use crate::driver::{self, Address};

/// The addresses of brokers that run already, from the URLs that name them.
///
/// # Errors
/// Where there is none, where two are the same, and where one names no broker. Each error names the
/// URL. Whether a broker listens there is not tried.
pub fn addresses<U: AsRef<str>>(urls: &[U]) -> Result<Vec<Address>, Failure> {
    let mut known = Vec::with_capacity(urls.len());
    for url in urls {
        let given = url.as_ref();
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
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::addresses;

    fn error(urls: &[&str]) -> String {
        addresses(urls).expect_err("it is refused").to_string()
    }

    #[test]
    fn addresses_are_kept_in_order() {
        let kept = addresses(&["http://127.0.0.1:5000/", "http://broker"]).unwrap();
        let kept = kept.iter().map(ToString::to_string).collect::<Vec<_>>();
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
