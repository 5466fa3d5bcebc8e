//! Holds answers against `openapi.json`: the status of the route, and what the body may and must have.

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::Value;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../src/http/openapi.json")).unwrap());

/// Panics where this answer is not as the document says.
pub(crate) fn check(method: &Method, path: &str, status: u16, body: &Value) {
    let name = format!("{method} {path}: {status} {body}");
    let path = path.split('?').next().unwrap();
    let Some(item) = item(path) else {
        assert_eq!((status, &body["code"]), (404, &"not_found".into()), "{name}");
        return failed(body, &name);
    };
    let Some(operation) = item.get(method.as_str().to_lowercase()) else {
        // A HEAD has no body.
        assert!(status == 405 || *method == Method::HEAD, "{name}");
        if *method != Method::HEAD {
            failed(body, &name);
        }
        return;
    };
    let response = operation["responses"].get(status.to_string());
    let response = resolved(response.unwrap_or_else(|| panic!("it is not documented: {name}")));
    validate(&response["content"]["application/json"]["schema"], body, &name);
}

fn failed(body: &Value, name: &str) {
    validate(&DOCUMENT["components"]["schemas"]["Failure"], body, name);
}

fn item(path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.get(path).or_else(|| {
        let (parent, name) = path.rsplit_once('/')?;
        paths.get(&format!("{parent}/{{name}}")).filter(|_| !name.is_empty())
    })
}

fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// By the words of JSON Schema that the document uses for answers. A field that it does not name is
/// wrong.
fn validate(schema: &'static Value, value: &Value, name: &str) {
    let schema = resolved(schema);
    if let Some(allowed) = schema.get("enum") {
        assert!(allowed.as_array().unwrap().contains(value), "{value} of {name}");
    }
    match schema["type"].as_str() {
        Some("string") => assert!(value.is_string(), "{value} of {name}"),
        Some("integer") => {
            let is_one =
                if schema.get("minimum").is_some() { value.is_u64() } else { value.is_i64() };
            assert!(is_one, "{value} of {name}");
        }
        Some("array") => {
            let items = value.as_array().unwrap_or_else(|| panic!("{value} of {name}"));
            items.iter().for_each(|item| validate(&schema["items"], item, name));
        }
        Some("object") => object(schema, value, name),
        other => panic!("a type that is not known here: {other:?}, {name}"),
    }
}

fn object(schema: &'static Value, value: &Value, name: &str) {
    let fields = value.as_object().unwrap_or_else(|| panic!("{value} of {name}"));
    let has = |schema: &Value| {
        let required = schema["required"].as_array();
        required.is_none_or(|all| all.iter().all(|one| fields.contains_key(one.as_str().unwrap())))
    };
    assert!(has(schema), "{value} of {name} lacks some of {}", schema["required"]);
    if let Some(one_of) = schema.get("oneOf").and_then(Value::as_array) {
        let count = one_of.iter().filter(|one| has(one)).count();
        assert_eq!(count, 1, "{value} of {name}");
    }
    // The document itself is an object of which nothing is said.
    if let Some(properties) = schema.get("properties") {
        for (field, value) in fields {
            let schema = properties.get(field);
            validate(schema.unwrap_or_else(|| panic!("{field} of {name}")), value, name);
        }
    }
}
