//! Which file imports from which: each path is followed to the file that defines what it names, by
//! way of whatever hands it on.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Import, Source};

/// The folders of sources, and the crates that they are.
const CRATES: [(&str, &str); 4] = [
    ("broker/src/", "broker"),
    ("broker/client/src/", "broker_client"),
    ("harness/database/src/", "private_database"),
    ("harness/src/", "harness"),
];

/// Deeper chains of what is handed on are taken for a circle.
const DEPTH_MAX: u32 = 16;

/// Where a path leads.
pub(super) enum Target {
    File(usize),
    /// Another crate's.
    Outside(Vec<String>),
}

/// One path of a file, and where it leads.
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: Target,
    pub(super) line: usize,
    /// As it is written, but for braces.
    pub(super) path: String,
}

/// All files without those of tests.
pub(super) struct Graph {
    pub(super) sources: Vec<Source>,
    pub(super) edges: Vec<Edge>,
}

/// A crate and a module of it.
type Place = (&'static str, Vec<String>);

struct Tree<'a> {
    sources: &'a [Source],
    places: Vec<Place>,
    files: BTreeMap<Place, usize>,
}

impl Graph {
    /// Reads these files, each a path from the root of the repository and its text.
    pub(super) fn read(texts: &BTreeMap<String, String>) -> Self {
        let all: Vec<_> = texts.iter().map(|(path, text)| Source::read(path, text)).collect();
        let mut tests = BTreeSet::new();
        for source in &all {
            let (name, module) = place(&source.path);
            let below = |test: &String| (name, [&module[..], std::slice::from_ref(test)].concat());
            tests.extend(source.test_modules.iter().map(below));
        }
        let is_test = |source: &Source| {
            let (name, module) = place(&source.path);
            (1..=module.len()).any(|length| tests.contains(&(name, module[..length].to_vec())))
        };
        let sources: Vec<_> = all.into_iter().filter(|source| !is_test(source)).collect();
        let places: Vec<_> = sources.iter().map(|source| place(&source.path)).collect();
        let files = places.iter().cloned().zip(0..).collect();
        let tree = Tree { sources: &sources, places, files };
        let mut edges = Vec::new();
        for (from, source) in sources.iter().enumerate() {
            for import in source.imports.iter().filter(|import| !import.is_handed_on) {
                if let Some(to) = tree.find(from, &import.path, DEPTH_MAX) {
                    let path = import.path.join("::");
                    edges.push(Edge { from, to, line: import.line, path });
                }
            }
        }
        edges.retain(|edge| edge.file() != Some(edge.from));
        Self { sources, edges }
    }

    /// The sets of files each of which leads to each other one of its set.
    pub(super) fn circles(&self, ignored: impl Fn(&Edge) -> bool) -> Vec<BTreeSet<usize>> {
        let mut next = BTreeMap::<usize, BTreeSet<usize>>::new();
        for edge in self.edges.iter().filter(|edge| !ignored(edge)) {
            next.entry(edge.from).or_default().extend(edge.file());
        }
        let reached = |from: usize| {
            let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
            while let Some(file) = open.pop() {
                let unseen =
                    next.get(&file).into_iter().flatten().filter(|to| reached.insert(**to));
                open.extend(unseen.copied().collect::<Vec<_>>());
            }
            reached
        };
        let reached: Vec<_> = (0..self.sources.len()).map(reached).collect();
        let mut circles = BTreeSet::new();
        for (file, from_here) in reached.iter().enumerate().filter(|(file, to)| to.contains(file)) {
            let back = |other: &&usize| reached[**other].contains(&file);
            circles.insert(from_here.iter().filter(back).copied().collect::<BTreeSet<_>>());
        }
        circles.into_iter().collect()
    }
}

impl Edge {
    /// The file that it leads to; none where that is another crate's.
    pub(super) fn file(&self) -> Option<usize> {
        match self.to {
            Target::File(file) => Some(file),
            Target::Outside(_) => None,
        }
    }
}

impl Tree<'_> {
    /// Where a path leads that is written in this file; none where it names nothing that can be
    /// found, such as a local type's own items.
    fn find(&self, from: usize, path: &[String], depth: u32) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let (name, module) = &self.places[from];
        let file = |module: &[String]| self.files.get(&(*name, module.to_vec())).copied();
        match first.as_str() {
            "crate" => self.walk(file(&[])?, rest, depth),
            "self" => self.walk(from, rest, depth),
            "super" => {
                let above = file(module.split_last()?.1)?;
                match rest.first().map(String::as_str) {
                    Some("super") => self.find(above, rest, depth),
                    _ => self.walk(above, rest, depth),
                }
            }
            own if own == *name => self.walk(file(&[])?, rest, depth),
            _ => self.member(from, first, rest, depth).or_else(|| {
                let is_crate = first.starts_with(|letter: char| letter.is_lowercase());
                is_crate.then(|| Target::Outside(path.to_vec()))
            }),
        }
    }

    /// Where the rest of a path leads within a module.
    fn walk(&self, file: usize, rest: &[String], depth: u32) -> Option<Target> {
        let Some((first, rest)) = rest.split_first() else { return Some(Target::File(file)) };
        // What is not found is made by a macro.
        self.member(file, first, rest, depth).or(Some(Target::File(file)))
    }

    /// Where a name leads that a module declares, defines or imports.
    fn member(&self, file: usize, name: &str, rest: &[String], depth: u32) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let source = &self.sources[file];
        let (of, module) = &self.places[file];
        if source.modules.contains(name) {
            let below = [&module[..], &[name.to_owned()]].concat();
            return self.walk(*self.files.get(&(*of, below))?, rest, depth);
        }
        if source.items.contains(name) {
            return Some(Target::File(file));
        }
        let is_it = |import: &&Import| import.name.as_deref() == Some(name);
        // A crate that is imported by its own name would lead to itself.
        let own = source.imports.iter().find(is_it).filter(|import| import.path[0] != name);
        if let Some(import) = own {
            return self.find(file, &[&import.path[..], rest].concat(), depth);
        }
        let globs = source.imports.iter().filter(|import| import.is_glob);
        globs.into_iter().find_map(|glob| match self.find(file, &glob.path, depth)? {
            Target::File(from) if from != file => self.member(from, name, rest, depth),
            _ => None,
        })
    }
}

/// The crate and module of a path from the root of the repository. A program's `main.rs` is a module
/// of its own beside the library.
pub(super) fn place(path: &str) -> Place {
    let (folder, name) = CRATES
        .into_iter()
        .find(|(folder, _)| path.starts_with(folder))
        .unwrap_or_else(|| panic!("{path} is of no crate"));
    let inside = path[folder.len()..].trim_end_matches(".rs");
    let module = inside.strip_suffix("/mod").unwrap_or(inside).split('/');
    let module = module.filter(|part| *part != "lib").map(str::to_owned).collect();
    (name, module)
}
