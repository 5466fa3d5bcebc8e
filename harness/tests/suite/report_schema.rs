//! The JSON report is as its JSON Schema says, whatever became of the call; and the schema says all
//! that is in it.

use serde_json::Value;

use crate::support::{Folder, end, shipped};

const FINE: &str = "topics:\n  T1: P1 -> C1 C2\n  T2: P1 -> C1\nproducers:\n  \
                    all: { generate: { messages: 20 } }\ngolden: none\nseed: 1\n";

fn schema() -> Value {
    harness::report::json::schema().to_value()
}

/// Calls the harness, checks its report against the schema, and hands it over.
fn report(folder: &Folder, arguments: &[&str], code: i32) -> Value {
    let ended = end(folder.harness(&[arguments, &["--report-json", "r.json"]].concat()));
    assert_eq!(ended.code, Some(code), "{arguments:?}\n{}", ended.stderr);
    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    let schema = schema();
    let mut wrong = Vec::new();
    Checker { root: &schema, wrong: &mut wrong }.check(&schema, &report, "$");
    assert!(wrong.is_empty(), "{arguments:?}\n{}", wrong.join("\n"));
    report
}

/// Holds a value against a schema, as far as the schemas of this project go.
struct Checker<'a> {
    root: &'a Value,
    wrong: &'a mut Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        if let Some(path) = schema["$ref"].as_str() {
            let definition = self.root.pointer(path.strip_prefix('#').unwrap());
            return self.check(definition.unwrap(), value, at);
        }
        if let Some(ways) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            let fits = |way: &Value| {
                let mut wrong = Vec::new();
                Checker { root: self.root, wrong: &mut wrong }.check(way, value, at);
                wrong.is_empty()
            };
            if !ways.iter().any(fits) {
                self.wrong.push(format!("{at}: {value} is none of {ways:?}"));
            }
            return;
        }
        let types =
            schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        if !schema["type"].is_null() && !types.iter().any(|own| is_of(value, own)) {
            self.wrong.push(format!("{at}: {value} is no {types:?}"));
        }
        let is_listed = schema["enum"].as_array().is_none_or(|all| all.contains(value));
        let is_it = schema["const"].is_null() || schema["const"] == *value;
        if !is_listed || !is_it {
            self.wrong.push(format!("{at}: {value} is not as {schema} says"));
        }
        match value {
            Value::Object(fields) => self.object(schema, fields, at),
            Value::Array(values) => {
                let items = schema["prefixItems"].as_array();
                for (place, value) in values.iter().enumerate() {
                    let item = items.map_or(&schema["items"], |items| &items[place]);
                    self.check(item, value, &format!("{at}[{place}]"));
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, schema: &Value, fields: &serde_json::Map<String, Value>, at: &str) {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                self.wrong.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, value) in fields {
            let own = schema["properties"].get(name).or(schema.get("additionalProperties"));
            match own {
                Some(Value::Bool(true)) => {}
                Some(own) => self.check(own, value, &format!("{at}.{name}")),
                None => self.wrong.push(format!("{at}: the schema does not know {name}")),
            }
        }
    }
}

fn is_of(value: &Value, word: &Value) -> bool {
    match word.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("a type {other}"),
    }
}

#[test]
fn a_pass_a_failure_and_an_invalid_scenario_are_as_the_schema_says() {
    let folder = Folder::new();
    folder.write("all/fine.yaml", FINE);
    let passed = report(&folder, &["run", "all"], 0);
    let entry = &passed["scenarios"][0];
    let figures = &entry["figures"];
    let width = figures["series"]["width_ns"].as_u64().unwrap();
    let sum = |list: &Value| list.as_array().unwrap().iter().map(|own| own.as_u64().unwrap()).sum();
    let sums: [u64; 3] = ["sent", "acked", "delivered"].map(|list| sum(&figures["series"][list]));
    assert_eq!(sums, [20, 20, entry["summary"]["delivered"].as_u64().unwrap()]);
    assert!(width > 0 && figures["series"]["sent"].as_array().unwrap().len() <= 100);
    assert_eq!(figures["series"]["backlog"].as_array().unwrap().last(), Some(&0.into()));
    assert_eq!(figures["series"]["topics"].as_object().unwrap().len(), 2);
    assert_eq!(figures["ack"]["count"], entry["summary"]["ack"]["count"]);
    assert_eq!(figures["got"].as_array().unwrap().len(), 3);
    assert_eq!(entry["resolved"]["producers"][0]["pace"], "none");
    assert_eq!((&entry["driver"], &entry["on"]), (&"detect".into(), &"memory".into()));
    let command = passed["environment"]["command"].as_str().unwrap();
    assert_eq!(command, "harness run all --report-json r.json");

    folder.write("typo.yaml", "topics: { T1: P1 -> C1 }\nproducer: {}\n");
    let invalid = report(&folder, &["run", "typo.yaml"], 2);
    assert_eq!(invalid["scenarios"][0]["result"], "invalid");

    let scenario = shipped().join("2p2c.yaml");
    let scenario = scenario.to_str().unwrap();
    let failed = report(&folder, &["run", scenario, "--sabotage", "lose", "--history", "h"], 1);
    let entry = &failed["scenarios"][0];
    let lost: u64 = entry["figures"]["got"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["lost"].as_u64().unwrap())
        .sum();
    assert!(lost > 0 && entry["judgement"]["violations"][0]["count"] == lost, "{entry}");

    // Judged again, its figures are the same.
    let again = report(&folder, &["check", scenario, "--history", "h"], 1);
    assert_eq!(again["scenarios"][0]["figures"], entry["figures"]);
    assert_eq!(again["scenarios"][0]["summary"], entry["summary"]);
}

#[test]
fn a_table_and_a_sweep_are_as_the_schema_says() {
    let folder = Folder::new();
    folder.write("fine.yaml", FINE);
    let matrix = report(&folder, &["run", "fine.yaml", "--on", "memory", "--repeat", "2"], 0);
    let [first, second] = &matrix["scenarios"].as_array().unwrap()[..] else { panic!("{matrix}") };
    assert!(matrix["matrix"]["cells"].is_array(), "{matrix}");
    assert!(first["resolved"].is_object() && second["resolved"].is_null());
    assert!(first["figures"].is_object() && second["figures"].is_null());
    assert!(second["summary"].is_object());
    let sweep = report(&folder, &["sim", "fine.yaml", "--seeds", "1..20"], 0);
    assert_eq!(sweep["scenarios"][0]["seeds"]["passed"], 20);
    let crashes = shipped().join("bugs/crashes.yaml");
    let arguments = ["sim", crashes.to_str().unwrap(), "--bug", "ack-before-store"];
    let found = report(&folder, &[&arguments[..], &["--seeds", "1..20"]].concat(), 1);
    let entry = &found["scenarios"][0];
    let bands = entry["figures"]["bands"].as_array().unwrap();
    assert_eq!(bands[0]["key"], "kill", "{entry}");
    assert!(bands[0]["began_ns"].as_u64() < bands[0]["ended_ns"].as_u64());
}

#[test]
fn the_schema_is_printed() {
    let folder = Folder::new();
    let ended = end(folder.harness(&["schema", "--report"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), schema());
    assert_eq!(schema()["title"], "Report");
    let mut scenario = folder.harness(&["schema"]);
    scenario.arg("--report=no");
    assert_eq!(end(scenario).code, Some(2));
}
