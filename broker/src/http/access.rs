//! Who may do what, where the broker asks for tokens. Each route's scope is said here, and only here;
//! what is not named is for admins, so that a route that is forgotten here is closed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;

use super::broker::{Broker, Shared};
use super::failure::Failure;
use super::handlers;
use crate::tokens::{Scope, Tokens, Verdict};

/// What a request needs.
enum Needs {
    Nothing,
    AnyToken,
    Scope(Scope),
}

/// The same routes for plain text that comes to where TLS is spoken: what needs no token is answered, so
/// that health checks need no certificates; nothing else is.
pub(crate) fn only_encrypted(router: Router, broker: &Arc<Broker>) -> Router {
    let answer = async |State(broker): Shared, request: Request, next: Next| match needs(
        request.method(),
        request.uri().path(),
    ) {
        Needs::Nothing => next.run(request).await,
        Needs::AnyToken | Needs::Scope(_) => {
            handlers::refuse(&broker, request, Failure::only_encrypted()).await.into_response()
        }
    };
    router.layer(from_fn_with_state(Arc::clone(broker), answer))
}

fn needs(method: &Method, path: &str) -> Needs {
    match path {
        "/healthz" | "/readyz" | "/openapi.json" => Needs::Nothing,
        "/topics" if method == Method::POST => Needs::Scope(Scope::Produce),
        "/topics" => Needs::AnyToken,
        "/producer/register" | "/producer/produce" => Needs::Scope(Scope::Produce),
        "/consumer" | "/consumer/register" | "/consumer/consume" | "/size" => {
            Needs::Scope(Scope::Consume)
        }
        _ => Needs::Scope(Scope::Admin),
    }
}

/// Whether a request may be carried out.
pub(super) fn permitted(tokens: &Tokens, request: &Request) -> Result<(), Failure> {
    let (method, path) = (request.method(), request.uri().path());
    let scope = match needs(method, path) {
        Needs::Nothing => return Ok(()),
        Needs::AnyToken => None,
        Needs::Scope(scope) => Some(scope),
    };
    let Some(token) = bearer(request.headers()) else {
        return Err(Failure::unauthorized("a token is needed: send `Authorization: Bearer TOKEN`"));
    };
    match tokens.judge(token, scope) {
        Verdict::Permitted => Ok(()),
        Verdict::Unknown => Err(Failure::unauthorized("the token is not known here")),
        Verdict::Lacking(name) => {
            let scope = scope.map_or("", Scope::word);
            let message =
                format!("{method} {path} needs the scope {scope}, and {name} has not got it");
            Err(Failure::forbidden(message))
        }
    }
}

/// The token of a request; none where it has two, of which a proxy may have looked at the other.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else { return None };
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}
