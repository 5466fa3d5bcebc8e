//! `openapi.json` held against what is served: every route, every method and every code, and nothing else.
//! What answers look like is held against it by the tests of the wire, answer by answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use broker_client::wire::Code;
use serde_json::Value;
use tower::ServiceExt;

use super::{Limits, Route, audited_router};
use crate::signal::Signal;
use crate::store::memory::MemoryStore;
use crate::store::{Epoch, Retain};
use crate::version::VERSION;

fn document() -> Value {
    serde_json::from_str(include_str!("openapi.json")).unwrap()
}

/// `POST /topics` of every operation.
fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[test]
fn every_route_is_in_it_and_no_other() {
    let is_one = |route: &&Route| !matches!(route, Route::ConsumeWaiting | Route::None);
    let routes = Route::ALL.iter().filter(is_one);
    let routes: BTreeSet<_> = routes.map(|route| route.label().replace("NAME", "{name}")).collect();
    assert_eq!(operations(&document()), routes);
}

/// By the router itself, which a route may be missing in.
#[tokio::test]
async fn the_router_has_every_method_of_it_and_no_other() {
    let store = MemoryStore::new(Epoch::random(), Retain::All, None);
    let router = audited_router(Arc::new(store), Limits::default(), Signal::default());
    let document = document();
    let operations = operations(&document);
    for path in document["paths"].as_object().unwrap().keys() {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let uri = path.replace("{name}", "T1");
            let request = Request::builder().method(&method).uri(uri).body(Body::empty()).unwrap();
            let status = router.clone().oneshot(request).await.unwrap().status();
            let is_there = operations.contains(&format!("{method} {path}"));
            let is_refused = status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(is_there, !is_refused, "{method} {path}: {status}");
            assert_ne!(status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
}

#[test]
fn every_code_is_in_it_and_no_other() {
    let document = document();
    let codes = document["components"]["schemas"]["Code"]["enum"].as_array().unwrap();
    let codes: Vec<_> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(codes, Code::all().map(|(_, text)| text).collect::<Vec<_>>());
}

#[test]
fn it_is_of_this_version() {
    assert_eq!(document()["info"]["version"], VERSION);
}

/// A reference that leads nowhere, and a component that nothing refers to, are mistakes of writing.
#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let components = document["components"].as_object().unwrap();
    let components = components.iter().flat_map(|(kind, of_kind)| {
        let names = of_kind.as_object().unwrap().keys();
        names.map(move |name| format!("#/components/{kind}/{name}"))
    });
    assert_eq!(used, components.collect());
}

fn references(of: &Value, into: &mut BTreeSet<String>) {
    match of {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}
