//! A strict reader of the pages that the harness writes: elements that close, ids that are unique,
//! links that lead somewhere, and no trace of a template.

use std::collections::BTreeSet;

const VOID: [&str; 4] = ["meta", "link", "br", "hr"];

/// What is on a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// All that can be read, without the script and the style.
    pub(super) text: String,
    /// Where links lead.
    pub(super) links: Vec<String>,
    elements: Vec<Element>,
    ids: BTreeSet<String>,
}

#[derive(Debug)]
struct Element {
    name: String,
    class: String,
    text: String,
}

impl Page {
    /// The texts of all elements of this name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let own = self.elements.iter().filter(|element| element.name == name);
        own.map(|element| element.text.as_str()).collect()
    }

    /// The texts of all elements of this class.
    pub(super) fn with_class(&self, class: &str) -> Vec<&str> {
        let has = |element: &&Element| element.class.split(' ').any(|own| own == class);
        self.elements.iter().filter(has).map(|element| element.text.as_str()).collect()
    }

    /// Holds that this can be read on it.
    pub(super) fn says(&self, words: &str) {
        assert!(self.text.contains(words), "{words:?} is not in:\n{}", self.text);
    }
}

/// Reads a page.
pub(super) fn read(html: &str) -> Page {
    let mut page = Page::default();
    let mut open: Vec<Element> = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").expect("a page begins with its doctype");
    while let Some(at) = rest.find('<') {
        put(&mut page, &mut open, &rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().expect("something is open");
            assert_eq!(element.name, name, "closed in the order in which they were opened");
            page.elements.push(Element { text: flat(&element.text), ..element });
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        let mut element =
            Element { name: name.to_owned(), class: String::new(), text: String::new() };
        for (key, value) in read_attributes(attributes) {
            match key {
                "class" => element.class = value,
                "id" => assert!(page.ids.insert(value.clone()), "the id {value} is there twice"),
                "href" => page.links.push(value),
                _ => assert!(!key.starts_with("on"), "{key} is a script"),
            }
        }
        if matches!(name, "script" | "style") {
            let end = rest.find(&format!("</{name}>")).expect("it ends");
            rest = &rest[end + name.len() + 3..];
        } else if !is_empty && !VOID.contains(&name) {
            open.push(element);
        }
    }
    put(&mut page, &mut open, rest);
    assert!(open.is_empty(), "not closed: {open:?}");
    let targets = page.links.iter().filter_map(|link| link.strip_prefix('#'));
    for target in targets {
        assert!(page.ids.contains(target), "#{target} leads nowhere");
    }
    page.text = flat(&page.text);
    page
}

/// Adds a text to all elements that it is in.
fn put(page: &mut Page, open: &mut [Element], text: &str) {
    let text = unescaped(text);
    page.text.push_str(&text);
    open.iter_mut().for_each(|element| element.text.push_str(&text));
}

/// Blanks and lines are one blank each, as a browser shows them; two blanks of a ledger stay.
fn flat(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

fn read_attributes(text: &str) -> Vec<(&str, String)> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let key = &rest[..end];
        rest = &rest[end..];
        let Some(quoted) = rest.strip_prefix("=\"") else {
            assert!(!rest.starts_with('='), "{key} is not in quotes in {text:?}");
            all.push((key, String::new()));
            rest = rest.trim_start();
            continue;
        };
        let end = quoted.find('"').expect("a value ends");
        all.push((key, unescaped(&quoted[..end])));
        rest = quoted[end + 1..].trim_start();
    }
    all
}

/// The text behind the entities; there is no other ampersand.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let end = at + rest[at..].find(';').expect("an entity ends");
        plain.push(match &rest[at + 1..end] {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "#x27" => '\'',
            "#x2f" => '/',
            other => panic!("&{other}; is no entity of ours"),
        });
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    plain
}
