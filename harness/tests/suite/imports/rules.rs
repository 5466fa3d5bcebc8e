//! The rules, and what breaks them.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Graph, Target, place};

/// A crate, another one of ours, and what it may import from there.
const CRATES: [(&str, &str, May); 11] = [
    ("broker_client", "broker", May::Nothing),
    ("broker_client", "harness", May::Nothing),
    ("broker_client", "private_database", May::Nothing),
    ("broker", "broker_client", May::Only("broker_client::wire")),
    ("broker", "harness", May::Nothing),
    ("broker", "private_database", May::Nothing),
    ("private_database", "broker", May::Nothing),
    ("private_database", "broker_client", May::Nothing),
    ("private_database", "harness", May::Nothing),
    (
        "harness",
        "broker_client",
        // A store with a planted bug speaks of ids and offsets as every store of the broker does.
        May::In(&["harness/src/driver/", "harness/src/testbed/simulated/", "harness/src/bugs/"]),
    ),
    (
        "harness",
        "broker",
        May::In(&["harness/src/testbed/", "harness/src/bugs/", "harness/src/command/broker.rs"]),
    ),
];

#[derive(Clone, Copy)]
enum May {
    Nothing,
    /// What is below this path.
    Only(&'static str),
    /// Everything, in files whose paths begin so.
    In(&'static [&'static str]),
}

/// Both packages need it, and passwords are shown by neither.
const MASKED: &str = "broker_client::wire::masked";

/// The top modules of the harness: each may import from those before it, and from no other.
const ORDER: [&str; 42] = [
    "version",
    "parallel",
    "numbers",
    "shell",
    "io_error",
    "lock",
    "fnv",
    "chance",
    "ordered_signal",
    "topic_name",
    "log_format",
    "capability",
    "input",
    "fault",
    "scenario",
    "producer_log",
    "plan",
    "descriptors",
    "history",
    "diagram",
    "storage",
    "server",
    "recipes",
    "driver",
    "catalogue",
    "sabotage",
    "bugs",
    "testbed",
    "run",
    "check",
    "golden",
    "exit",
    "figures",
    "explain",
    "baseline",
    "report",
    "trial",
    "shrink",
    "command",
    "library",
    "", // lib.rs
    "main",
];

/// Plain functions over plain data: they import from each other and from what stands on nothing.
const PLAIN: [&str; 12] = [
    "input", "fault", "scenario", "plan", "history", "diagram", "check", "golden", "figures",
    "explain", "baseline", "report",
];
const BELOW_PLAIN: [&str; 11] = [
    "parallel",
    "numbers",
    "shell",
    "capability",
    "io_error",
    "fnv",
    "chance",
    "topic_name",
    "log_format",
    "producer_log",
    "exit",
];

/// What plain functions do without: what waits, what is a socket, and the clock.
const NOT_PLAIN: [&str; 14] = [
    "async",
    "await",
    "tokio",
    "futures_util",
    "axum",
    "hyper",
    "reqwest",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixListener",
    "UnixStream",
    "Instant",
    "SystemTime",
];

/// Something that breaks a rule.
struct Breach {
    /// As it stands among the exceptions.
    name: String,
    /// The places, each `file:line: path`, and the rule.
    words: String,
}

impl Breach {
    fn new(graph: &Graph, name: String, edges: &[&Edge], rule: &str) -> Self {
        let place = |edge: &&Edge| {
            format!("{}:{}: `{}`", graph.sources[edge.from].path, edge.line, edge.path)
        };
        let places: Vec<_> = edges.iter().map(place).collect();
        Self { name, words: format!("{}\n    {rule}", places.join("\n")) }
    }
}

/// All breaches of all rules: their names, and their places with the rule.
pub(super) fn breaches(texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let graph = Graph::read(texts);
    let mut found = between_crates(&graph);
    found.extend(against_the_order(&graph));
    found.extend(not_plain(&graph));
    found.extend(circles(&graph));
    found.extend(parents_and_children(&graph));
    // Of the same breach the first place is enough.
    found.into_iter().rev().map(|breach| (breach.name, breach.words)).collect()
}

fn between_crates(graph: &Graph) -> Vec<Breach> {
    let mut found = Vec::new();
    for edge in &graph.edges {
        let Target::Outside(path) = &edge.to else { continue };
        let file = &graph.sources[edge.from].path;
        let (of, _) = place(file);
        for (importing, imported, may) in CRATES {
            if of != importing || path[0] != imported || path.join("::") == MASKED {
                continue;
            }
            let (is_fine, rule) = match may {
                May::Nothing => (false, format!("{importing} imports nothing from {imported}")),
                May::Only(only) => (
                    path.join("::").starts_with(only),
                    format!("{importing} imports only {only} from {imported}"),
                ),
                May::In(folders) => (
                    folders.iter().any(|folder| file.starts_with(folder)),
                    format!("{importing} imports {imported} only in {}", folders.join(", ")),
                ),
            };
            if !is_fine {
                let name = format!("{file} imports {imported}");
                found.push(Breach::new(graph, name, &[edge], &rule));
            }
        }
    }
    found
}

/// The top module of a file of the harness.
fn top(graph: &Graph, file: usize) -> Option<String> {
    let (name, module) = place(&graph.sources[file].path);
    (name == "harness").then(|| module.into_iter().next().unwrap_or_default())
}

fn against_the_order(graph: &Graph) -> Vec<Breach> {
    let rank = |top: &str| ORDER.iter().position(|module| *module == top);
    let mut found = Vec::new();
    for edge in &graph.edges {
        let tops = (top(graph, edge.from), edge.file().and_then(|to| top(graph, to)));
        let (Some(from), Some(to)) = tops else { continue };
        if let Some(unknown) = [&from, &to].into_iter().find(|top| rank(top).is_none()) {
            let rule = format!("`{unknown}` needs a place in the ORDER of this test");
            found.push(Breach::new(graph, format!("no place for {unknown}"), &[edge], &rule));
            continue;
        }
        let is_plain = |top: &str| PLAIN.contains(&top);
        let rule = if rank(&from) < rank(&to) {
            format!("{from} comes before {to}, and imports only from what comes before itself")
        } else if is_plain(&from) && !is_plain(&to) && !BELOW_PLAIN.contains(&&*to) {
            format!("{from} is plain functions over plain data, and {to} is not")
        } else {
            continue;
        };
        let name = format!("{} imports {to}", graph.sources[edge.from].path);
        found.push(Breach::new(graph, name, &[edge], &rule));
    }
    found
}

fn not_plain(graph: &Graph) -> Vec<Breach> {
    let mut found = Vec::new();
    for (file, source) in graph.sources.iter().enumerate() {
        let Some(top) = top(graph, file).filter(|top| PLAIN.contains(&&**top)) else { continue };
        for (word, line) in &source.names {
            if NOT_PLAIN.contains(&&**word) {
                let words = format!(
                    "{}:{line}: `{word}`\n    {top} is plain functions over plain data: no async, \
                     no sockets, no clock",
                    source.path
                );
                found.push(Breach { name: format!("{} uses {word}", source.path), words });
            }
        }
    }
    found
}

/// Whether it leads from a file to one that its module is below of.
fn leads_up(graph: &Graph, edge: &Edge) -> bool {
    let Some(to) = edge.file() else { return false };
    let (from, to) = (place(&graph.sources[edge.from].path), place(&graph.sources[to].path));
    from.0 == to.0 && from.1.len() > to.1.len() && from.1.starts_with(&to.1)
}

/// Circles within a top module; between top modules the order says more. What a module imports from
/// those above it is left to [`parents_and_children`].
fn circles(graph: &Graph) -> Vec<Breach> {
    let crosses =
        |edge: &Edge| edge.file().is_some_and(|to| top(graph, edge.from) != top(graph, to));
    let ignored = |edge: &Edge| leads_up(graph, edge) || crosses(edge);
    let breach = |circle: BTreeSet<usize>| {
        let names: Vec<_> = circle.iter().map(|file| &*graph.sources[*file].path).collect();
        let is_part = |edge: &&Edge| {
            let is_inside = edge.file().is_some_and(|to| circle.contains(&to));
            is_inside && circle.contains(&edge.from) && !ignored(edge)
        };
        let edges: Vec<_> = graph.edges.iter().filter(is_part).collect();
        let name = format!("circle of {}", names.join(" "));
        Breach::new(graph, name, &edges, "files do not import from each other in a circle")
    };
    graph.circles(ignored).into_iter().map(breach).collect()
}

/// A module and one below it of which each imports what the other one defines.
fn parents_and_children(graph: &Graph) -> Vec<Breach> {
    let mut found = Vec::new();
    for up in graph.edges.iter().filter(|edge| leads_up(graph, edge)) {
        let is_down = |edge: &&Edge| Some(edge.from) == up.file() && edge.file() == Some(up.from);
        if let Some(down) = graph.edges.iter().find(is_down) {
            let name = |edge: &Edge| &graph.sources[edge.from].path;
            let name = format!("{} and {}", name(down), name(up));
            let rule = "a module that imports from one below it has nothing that this one imports";
            found.push(Breach::new(graph, name, &[up, down], rule));
        }
    }
    found
}
