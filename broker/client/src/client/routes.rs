//! The address of a broker, and those of its endpoints.

use reqwest::Url;

/// A text that is no address of a broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no broker address: {why}; write it like http://127.0.0.1:5000")]
pub struct BadAddress {
    address: String,
    why: String,
}

/// The addresses of the endpoints, put together once.
pub(super) struct Routes {
    pub(super) base: String,
    pub(super) topics: Url,
    pub(super) register_producer: Url,
    pub(super) register_consumer: Url,
    pub(super) produce: Url,
    pub(super) consume: Url,
    pub(super) size: Url,
    pub(super) consumer: Url,
}

impl Routes {
    pub(super) fn at(address: &str) -> Result<Self, BadAddress> {
        Self::find(address).map_err(|why| BadAddress { address: address.to_owned(), why })
    }

    fn find(address: &str) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        if url.scheme() != "http" {
            return Err(format!("the scheme is {:?}, only http is spoken", url.scheme()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or a fragment".to_owned());
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        let route = |path: &str| Url::parse(&format!("{base}{path}")).map_err(|e| e.to_string());
        Ok(Self {
            topics: route("/topics")?,
            register_producer: route("/producer/register")?,
            register_consumer: route("/consumer/register")?,
            produce: route("/producer/produce")?,
            consume: route("/consumer/consume")?,
            size: route("/size")?,
            consumer: route("/consumer")?,
            base,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_end_in_a_slash_and_have_a_path() {
        let address = |text: &str| Routes::at(text).map(|routes| routes.size.to_string());
        assert_eq!(address("http://127.0.0.1:5000").unwrap(), "http://127.0.0.1:5000/size");
        assert_eq!(address("http://127.0.0.1:5000/").unwrap(), "http://127.0.0.1:5000/size");
        assert_eq!(address("http://broker/a/b/").unwrap(), "http://broker/a/b/size");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, why) in [
            ("127.0.0.1:5000", "relative URL without a base"),
            ("localhost:5000", "the scheme is \"localhost\", only http is spoken"),
            ("https://broker", "the scheme is \"https\", only http is spoken"),
            ("http://", "empty host"),
            ("http://h/?a=b", "it has a query or a fragment"),
        ] {
            let error = Routes::at(text).err().expect(text);
            let expected = format!(
                "{text:?} is no broker address: {why}; write it like http://127.0.0.1:5000"
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}
