//! Requests of the original routes, written as the scenario's `wire` block says.

use broker_client::Error;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri};
use serde_json::Value;
use url::Url;

use super::id::Id;
use crate::scenario::{Carrier, Wire};

/// What a field of a request says.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Text(&'a str),
    Id(&'a Id),
}

/// A request that may be made more than once, at one address or another.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// `/topics`.
    pub(super) route: &'static str,
    pub(super) fields: Vec<(&'a str, Field<'a>)>,
}

impl Ask<'_> {
    /// Where it goes at first, with its query if it has one.
    pub(super) fn url(&self, base: &str, path: &str, wire: &Wire) -> Result<Url, Error> {
        let address = format!("{base}{path}");
        let mut url = Url::parse(&address).map_err(|error| no_address(&address, &error))?;
        if self.carrier(wire) == Carrier::Query && !self.fields.is_empty() {
            for (name, field) in &self.fields {
                match field {
                    Field::Text(text) => url.query_pairs_mut().append_pair(name, text),
                    Field::Id(id) => url.query_pairs_mut().append_pair(name, id.plain()),
                };
            }
            // Not every server takes a `+` for a blank; a `+` of the field is an escape by now.
            let query = url.query().map(|query| query.replace('+', "%20"));
            url.set_query(query.as_deref());
        }
        Ok(url)
    }

    /// The same request, to wherever it goes by now.
    pub(super) fn request(&self, url: &Url, wire: &Wire) -> Result<Request<Bytes>, Error> {
        let to = Uri::try_from(url.as_str()).map_err(|error| no_address(url.as_str(), &error))?;
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = to;
        if self.carrier(wire) == Carrier::Body && !self.fields.is_empty() {
            let field = |(name, field): &(&str, Field<'_>)| {
                let value = match field {
                    Field::Text(text) => Value::from(*text).to_string().into(),
                    Field::Id(id) => id.json(),
                };
                format!("{}:{value}", Value::from(*name))
            };
            let fields: Vec<String> = self.fields.iter().map(field).collect();
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = format!("{{{}}}", fields.join(",")).into();
        }
        Ok(request)
    }

    fn carrier(&self, wire: &Wire) -> Carrier {
        if self.method == Method::GET { wire.get } else { wire.post }
    }
}

fn no_address(text: &str, why: &dyn std::error::Error) -> Error {
    Error::NotSent(format!("{text} is no address: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(method: Method, wire: &Wire) -> (String, Option<String>) {
        let id = Id::Text("C_T0#0 +".to_owned());
        let fields = vec![("topic", Field::Text("T1")), ("consumer_id", Field::Id(&id))];
        let ask = Ask { method, route: "/size", fields };
        let url = ask.url("http://127.0.0.1:1", "/size/", wire).unwrap();
        let request = ask.request(&url, wire).unwrap();
        let body = Some(request.body().to_vec()).filter(|body| !body.is_empty());
        let body = body.map(|body| String::from_utf8(body).unwrap());
        (request.uri().path_and_query().unwrap().to_string(), body)
    }

    #[test]
    fn fields_go_where_the_wire_says_and_are_escaped_there() {
        let query = ("/size/?topic=T1&consumer_id=C_T0%230%20%2B".to_owned(), None);
        let body = r#"{"topic":"T1","consumer_id":"C_T0#0 +"}"#;
        let body = ("/size/".to_owned(), Some(body.to_owned()));
        let usual = Wire::default();
        let other = Wire { get: Carrier::Body, post: Carrier::Query, ..Wire::default() };
        assert_eq!(written(Method::GET, &usual), query);
        assert_eq!(written(Method::POST, &usual), body);
        assert_eq!(written(Method::GET, &other), body);
        assert_eq!(written(Method::POST, &other), query);
    }
}
