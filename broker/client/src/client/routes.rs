//! The address of a broker, and those of its endpoints.

use reqwest::Url;

/// A text that is no address of a broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no broker address: {why}")]
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
    pub(super) audit: Url,
}

impl Routes {
    pub(super) fn at(address: &str) -> Result<Self, BadAddress> {
        Self::find(address).map_err(|why| BadAddress { address: address.to_owned(), why })
    }

    fn find(address: &str) -> Result<Self, String> {
        const LIKE: &str = "write it like http://127.0.0.1:5000";
        if !address.contains("://") {
            return Err(format!("the scheme is missing; did you mean http://{address}?"));
        }
        let url = Url::parse(address).map_err(|error| format!("{error}; {LIKE}"))?;
        if url.scheme() != "http" {
            return Err(format!("the scheme is {:?}, only http is spoken; {LIKE}", url.scheme()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("it has a query or a fragment; {LIKE}"));
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
            audit: route("/audit")?,
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
        let refusal = |text| Routes::at(text).err().expect(text).to_string();
        for text in ["127.0.0.1:5000", "localhost:5000"] {
            let why = format!("the scheme is missing; did you mean http://{text}?");
            assert_eq!(refusal(text), format!("{text:?} is no broker address: {why}"));
        }
        for (text, why) in [
            ("https://broker", "the scheme is \"https\", only http is spoken"),
            ("http://", "empty host"),
            ("http://h/?a=b", "it has a query or a fragment"),
        ] {
            let expected = format!(
                "{text:?} is no broker address: {why}; write it like http://127.0.0.1:5000"
            );
            assert_eq!(refusal(text), expected);
        }
    }
}
