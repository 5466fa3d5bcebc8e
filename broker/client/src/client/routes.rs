//! The address of a broker, and those of its endpoints.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Url, form_urlencoded};

use crate::transport::NOT_BUILT;

/// A text that is no address of a broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no broker address: {why}")]
pub struct BadAddress {
    address: String,
    why: String,
}

impl BadAddress {
    pub(super) fn new(address: &str, why: &str) -> Self {
        Self { address: address.to_owned(), why: why.to_owned() }
    }
}

/// The addresses of the endpoints, put together once, and those of requests with a query.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) base: String,
    pub(super) topics: Uri,
    pub(super) register_producer: Uri,
    pub(super) register_consumer: Uri,
    pub(super) produce: Uri,
    pub(super) ready: Uri,
    scheme: Scheme,
    authority: Authority,
    /// Of the base address; empty, or `/a/b`.
    path: String,
}

/// An address with a query that is being written.
pub(super) struct Query<'a> {
    routes: &'a Routes,
    text: form_urlencoded::Serializer<'static, String>,
}

impl Routes {
    pub(super) fn at(address: &str) -> Result<Self, BadAddress> {
        Self::find(address).map_err(|why| BadAddress::new(address, &why))
    }

    fn find(address: &str) -> Result<Self, String> {
        const LIKE: &str = "write it like http://127.0.0.1:5000";
        if address.is_empty() {
            return Err(format!("it is empty; {LIKE}"));
        }
        if !address.contains("://") {
            return Err(format!("the scheme is missing; did you mean http://{address}?"));
        }
        let url = Url::parse(address).map_err(|error| format!("{error}; {LIKE}"))?;
        let scheme = match (url.scheme(), NOT_BUILT) {
            ("http", _) => Scheme::HTTP,
            ("https", None) => Scheme::HTTPS,
            ("https", Some(why)) => return Err(why.to_owned()),
            (other, _) => {
                return Err(format!(
                    "the scheme is {other:?}, only http and https are spoken; {LIKE}"
                ));
            }
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("it has a query or a fragment; {LIKE}"));
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        let authority = url.authority().parse::<Authority>();
        let authority = authority.map_err(|error| format!("{error}; {LIKE}"))?;
        let path = url.path().trim_end_matches('/').to_owned();
        let route = |route: &str| {
            let path = PathAndQuery::try_from(format!("{path}{route}"));
            path.map(|path| address_of(&scheme, &authority, path))
                .map_err(|error| error.to_string())
        };
        Ok(Self {
            topics: route("/topics")?,
            register_producer: route("/producer/register")?,
            register_consumer: route("/consumer/register")?,
            produce: route("/producer/produce")?,
            ready: route("/readyz")?,
            base,
            scheme,
            authority,
            path,
        })
    }

    /// The address of a topic.
    pub(super) fn topic(&self, name: &str) -> Uri {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let path = PathAndQuery::try_from(format!("{}/topics/{name}", self.path));
        address_of(&self.scheme, &self.authority, path.expect("a path with escapes"))
    }

    /// The address of a route, for a query.
    pub(super) fn query(&self, route: &str) -> Query<'_> {
        // Room for what a poll asks.
        let mut text = String::with_capacity(self.path.len() + route.len() + 128);
        text.push_str(&self.path);
        text.push_str(route);
        text.push('?');
        let start = text.len();
        let text = form_urlencoded::Serializer::for_suffix(text, start);
        Query { routes: self, text }
    }
}

impl Query<'_> {
    pub(super) fn text(mut self, key: &str, value: &str) -> Self {
        self.text.append_pair(key, value);
        self
    }

    /// Nothing without a number.
    pub(super) fn number(self, key: &str, value: impl Into<Option<u64>>) -> Self {
        match value.into() {
            Some(value) => self.text(key, itoa::Buffer::new().format(value)),
            None => self,
        }
    }

    pub(super) fn address(mut self) -> Uri {
        let path = PathAndQuery::try_from(self.text.finish());
        let Routes { scheme, authority, .. } = self.routes;
        address_of(scheme, authority, path.expect("a path, and a query with escapes"))
    }
}

fn address_of(scheme: &Scheme, authority: &Authority, path: PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).expect("it has all three parts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_end_in_a_slash_and_have_a_path() {
        let address = |text: &str| Routes::at(text).map(|routes| routes.topics.to_string());
        assert_eq!(address("http://127.0.0.1:5000").unwrap(), "http://127.0.0.1:5000/topics");
        assert_eq!(address("http://127.0.0.1:5000/").unwrap(), "http://127.0.0.1:5000/topics");
        assert_eq!(address("http://broker/a/b/").unwrap(), "http://broker/a/b/topics");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let refusal = |text| Routes::at(text).err().expect(text).to_string();
        for text in ["127.0.0.1:5000", "localhost:5000"] {
            let why = format!("the scheme is missing; did you mean http://{text}?");
            assert_eq!(refusal(text), format!("{text:?} is no broker address: {why}"));
        }
        for (text, why) in [
            ("ftp://broker", "the scheme is \"ftp\", only http and https are spoken"),
            ("http://", "empty host"),
            ("http://h/?a=b", "it has a query or a fragment"),
        ] {
            let expected = format!(
                "{text:?} is no broker address: {why}; write it like http://127.0.0.1:5000"
            );
            assert_eq!(refusal(text), expected);
        }
    }

    #[test]
    fn https_is_an_address_where_tls_is_built_in() {
        match (Routes::at("https://broker"), NOT_BUILT) {
            (Ok(routes), None) => assert_eq!(routes.topics, "https://broker/topics"),
            (Err(refused), Some(why)) => assert!(refused.to_string().ends_with(why), "{refused}"),
            (result, _) => panic!("{:?}", result.err()),
        }
    }
}
