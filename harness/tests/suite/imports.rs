//! Which sources import from which: the rules of ARCHITECTURE.md, held against the `use` declarations
//! and the paths in the code of all four packages.

mod graph;
mod rules;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use self::rules::breaches;

/// The product's sources by their paths from the root of the repository.
fn sources() -> BTreeMap<String, String> {
    fn collect(root: &Path, folder: &Path, texts: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, texts);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                texts.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut texts = BTreeMap::new();
    for folder in ["broker/src", "broker/client/src", "harness/database/src", "harness/src"] {
        collect(root, &root.join(folder), &mut texts);
    }
    texts
}

#[test]
fn every_import_is_in_the_direction_that_it_should_have() {
    let wrong = breaches(&sources());
    let wrong: String =
        wrong.iter().map(|(name, words)| format!("{words}\n    = {name}\n")).collect();
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn an_import_that_is_planted_in_the_sources_is_named_with_its_place_and_its_rule() {
    let planted = [
        ("broker/client/src/planted.rs", "use broker::Options;", "nothing from broker"),
        ("broker/src/planted.rs", "use broker_client::Client;", "only broker_client::wire"),
        (
            "harness/src/check/planted.rs",
            "use broker_client::Client;",
            "only in harness/src/driver/",
        ),
        ("harness/src/run/planted.rs", "use broker::store;", "only in harness/src/testbed/"),
        ("harness/src/plan/planted.rs", "use crate::run::perform;", "plan comes before run"),
        ("harness/src/check/too.rs", "use crate::run::perform;", "check is plain functions"),
        ("harness/src/report/planted.rs", "fn f() { crate::run::perform(); }", "and run is not"),
        ("harness/src/history/planted.rs", "async fn f() {}", "no async"),
        ("harness/src/golden/planted.rs", "use std::time::Instant;", "no clock"),
        ("harness/src/numbers/planted.rs", "use crate::exit::Exit;", "numbers comes before exit"),
    ];
    // All at once, for to read all sources takes long.
    let mut texts = sources();
    for (file, line, _) in planted {
        texts.insert(file.to_owned(), format!("//! Planted.\n\n{line}\n"));
    }
    let found = breaches(&texts);
    for (file, _, rule) in planted {
        let at = format!("{file}:3: `");
        let is_named = found.values().any(|words| words.contains(&at) && words.contains(rule));
        assert!(is_named, "{at} {rule}: {found:#?}");
    }
}

/// The names of the breaches in these sources of a package.
fn names(texts: &[(&str, &str)]) -> Vec<String> {
    let texts = texts.iter().map(|(path, text)| (format!("broker/src/{path}"), (*text).to_owned()));
    breaches(&texts.collect()).into_keys().collect()
}

#[test]
fn a_circle_is_found_by_way_of_what_hands_an_item_on() {
    let root = ("lib.rs", "mod a;\nmod b;");
    let handed = [
        root,
        ("a.rs", "pub mod one;\npub mod two;\npub use one::One;"),
        ("a/one.rs", "use super::two::Two;\npub struct One;"),
        ("a/two.rs", "pub struct Two;\nfn f() { super::One::new(); }"),
        ("b.rs", "use crate::a::One;"),
    ];
    assert_eq!(names(&handed), ["circle of broker/src/a/one.rs broker/src/a/two.rs"]);
    let parent = [
        root,
        ("a.rs", "mod one;\npub struct A;\nfn f() { one::g() }"),
        ("a/one.rs", "use super::A;\npub fn g() {}"),
        ("b.rs", ""),
    ];
    assert_eq!(names(&parent), ["broker/src/a.rs and broker/src/a/one.rs"]);
}

#[test]
fn comments_texts_and_tests_import_nothing() {
    let texts = [
        ("lib.rs", "mod a;\nmod b;\nmod c;"),
        ("a.rs", "use crate::b::B;\npub struct A;"),
        (
            "b.rs",
            "pub struct B;\n// crate::a::A\n/* crate::a::A */ const T: &str = \"crate::a::A\";",
        ),
        (
            "c.rs",
            "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more { use harness::x; }\nconst C: char = '\"';",
        ),
        ("c/tests.rs", "use harness::y;"),
    ];
    assert_eq!(names(&texts), [""; 0]);
}
