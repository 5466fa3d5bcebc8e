//! What the head of a request must have on any route, by the rules of HTTP. It is looked at before the
//! router: a request that was made by hand for the router has no such head.

use axum::http::header::{CONNECTION, EXPECT, HOST};
use axum::http::{HeaderValue, Request, Version};
use axum::response::{IntoResponse, Response};

use super::failure::Failure;

/// The answer to a request that is not to be carried out.
pub(crate) fn refused<B>(request: &Request<B>) -> Option<Response> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    let failure = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => {
            Failure::bad_request("the header Host is missing")
        }
        (Some(_), Some(_)) => Failure::bad_request("the header Host is given twice"),
        _ => {
            let is_known =
                |expected: &HeaderValue| expected.as_bytes().eq_ignore_ascii_case(b"100-continue");
            let unknown = headers.get_all(EXPECT).iter().find(|expected| !is_known(expected))?;
            Failure::unknown_expectation(&String::from_utf8_lossy(unknown.as_bytes()))
        }
    };
    let mut response = failure.into_response();
    // What was meant is not known, and so neither is what the bytes behind the head are.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}
