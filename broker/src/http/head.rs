//! What the head of a request must have on any route, by the rules of HTTP. It is looked at before the
//! router: a request that was made by hand for the router has no such head.

use axum::http::header::{EXPECT, HOST};
use axum::http::{Request, Version};
use axum::response::{IntoResponse, Response};

use super::failure::Failure;

/// The answer to a request that is not to be carried out.
pub(crate) fn refused<B>(request: &Request<B>) -> Option<Response> {
    let (mut hosts, mut unknown) = (0, None);
    // In one walk: to look each of them up takes as long as to walk over the few that there are.
    for (name, value) in request.headers() {
        if name == HOST {
            hosts += 1;
        } else if name == EXPECT && !value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
            unknown = Some(value);
        }
    }
    let failure = match (hosts, unknown) {
        (0, _) if request.version() == Version::HTTP_11 => {
            Failure::bad_request("the header Host is missing")
        }
        (2.., _) => Failure::bad_request("the header Host is given twice"),
        (_, unknown) => Failure::unknown_expectation(&String::from_utf8_lossy(unknown?.as_bytes())),
    };
    // What was meant is not known, and so neither is what the bytes behind the head are.
    Some(failure.closing().into_response())
}
