//! One source file, read for what it imports: its words without comments, texts and tests, then the
//! modules it declares, the items it defines, its `use` declarations and the paths in its code.

use std::collections::BTreeSet;

/// A name or a sign, and its line from 1.
#[derive(Clone)]
pub(super) struct Word<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

/// One imported path.
pub(super) struct Import {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    /// What it is called in the file; none for `*`, and for a path within code.
    pub(super) name: Option<String>,
    pub(super) is_glob: bool,
    /// It only hands on what others import from here.
    pub(super) is_handed_on: bool,
}

/// What there is to know of a file.
#[derive(Default)]
pub(super) struct Source {
    /// From the root of the repository, as in `harness/src/check/lost.rs`.
    pub(super) path: String,
    /// The modules that it declares.
    pub(super) modules: BTreeSet<String>,
    /// Those of them that are tests.
    pub(super) test_modules: BTreeSet<String>,
    /// Its own items.
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Every name and keyword with its first line.
    pub(super) names: Vec<(String, usize)>,
}

impl Source {
    pub(super) fn read(path: &str, text: &str) -> Self {
        let mut source = Self { path: path.to_owned(), ..Self::default() };
        let words = source.without_tests(&words(text));
        source.find_items(&words);
        let code = source.find_uses(&words);
        source.find_paths(&code);
        for import in &mut source.imports {
            let is_used = |name: &String| code.iter().any(|word| word.text == name);
            import.is_handed_on &= !import.name.as_ref().is_some_and(is_used);
        }
        let mut seen = BTreeSet::new();
        let names = words.iter().filter(|word| is_name(word.text) && seen.insert(word.text));
        source.names = names.map(|word| (word.text.to_owned(), word.line)).collect();
        source
    }

    /// Leaves out each item under `#[cfg(test)]`, and notes which of them are modules in files.
    fn without_tests<'a>(&mut self, words: &[Word<'a>]) -> Vec<Word<'a>> {
        const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
        let mut kept = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let marked = words[at..].iter().map(|word| word.text).take(MARK.len()).eq(MARK);
            if !marked {
                kept.push(words[at].clone());
                at += 1;
                continue;
            }
            let end = at + MARK.len() + item_length(&words[at + MARK.len()..]);
            if let [.., word, name, last] = &words[at..end]
                && (word.text, last.text) == ("mod", ";")
            {
                self.test_modules.insert(name.text.to_owned());
            }
            at = end;
        }
        kept
    }

    fn find_items(&mut self, words: &[Word<'_>]) {
        const KINDS: [&str; 8] =
            ["fn", "struct", "enum", "trait", "type", "const", "static", "macro_rules"];
        let mut depth = 0;
        for (at, word) in words.iter().enumerate() {
            depth += nesting(word.text);
            let after = words.get(at + 1).filter(|after| is_name(after.text));
            match (word.text, after) {
                ("mod", Some(name)) if depth == 0 => {
                    self.modules.insert(name.text.to_owned());
                }
                (kind, Some(name)) if depth == 0 && KINDS.contains(&kind) => {
                    self.items.insert(name.text.to_owned());
                }
                ("macro_rules", None) => {
                    self.items.extend(words.get(at + 2).map(|name| name.text.to_owned()));
                }
                _ => {}
            }
        }
    }

    /// Reads the `use` declarations, and gives all other words.
    fn find_uses<'a>(&mut self, words: &[Word<'a>]) -> Vec<Word<'a>> {
        let mut code = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let is_use =
                words[at].text == "use" && words.get(at + 1).is_some_and(|next| next.text != "<");
            if !is_use {
                code.push(words[at].clone());
                at += 1;
                continue;
            }
            // `pub use` or `pub(crate) use`.
            let before = at.checked_sub(1).map(|before| words[before].text);
            let is_handed_on = matches!(before, Some("pub" | ")"));
            at += 1;
            self.find_tree(words, &mut at, &[], is_handed_on);
        }
        code
    }

    /// Reads `a::{b, c as d, e::*}` up to the sign that ends it.
    fn find_tree(&mut self, words: &[Word<'_>], at: &mut usize, above: &[String], on: bool) {
        let mut path = above.to_vec();
        let mut alias = None;
        let mut is_glob = false;
        let line = words[*at].line;
        while let Some(word) = words.get(*at) {
            *at += 1;
            match word.text {
                "::" => {}
                "*" => is_glob = true,
                "{" => {
                    while words[*at - 1].text != "}" {
                        if words[*at].text == "}" {
                            *at += 1;
                            break;
                        }
                        self.find_tree(words, at, &path, on);
                    }
                    // What ends the braces ends this too.
                    *at += 1;
                    return;
                }
                "as" => {
                    alias = words.get(*at).map(|word| word.text.to_owned());
                    *at += 1;
                }
                "," | ";" | "}" => break,
                name => path.push(name.to_owned()),
            }
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = if is_glob { None } else { alias.or_else(|| path.last().cloned()) };
        self.imports.push(Import { line, path, name, is_glob, is_handed_on: on });
    }

    /// The paths in the code, as in `crate::plan::Plan::new`.
    fn find_paths(&mut self, code: &[Word<'_>]) {
        let text = |at: usize| code.get(at).map_or("", |word| word.text);
        let mut at = 0;
        while at < code.len() {
            let start = at;
            at += 1;
            let begins = is_name(text(start)) && text(start + 1) == "::";
            if !begins || (start > 0 && ["::", "."].contains(&text(start - 1))) {
                continue;
            }
            let mut path = vec![text(start).to_owned()];
            while text(at) == "::" && is_name(text(at + 1)) {
                path.push(text(at + 1).to_owned());
                at += 2;
            }
            if path.len() > 1 {
                let line = code[start].line;
                let (name, is_glob, is_handed_on) = (None, false, false);
                self.imports.push(Import { line, path, name, is_glob, is_handed_on });
            }
        }
    }
}

fn nesting(sign: &str) -> i32 {
    match sign {
        "{" | "(" | "[" => 1,
        "}" | ")" | "]" => -1,
        _ => 0,
    }
}

/// How many words an item has, its attributes included.
fn item_length(words: &[Word<'_>]) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        depth += nesting(word.text);
        if depth == 0 && ["}", ";"].contains(&word.text) {
            return at + 1;
        }
    }
    words.len()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The names and signs of a source, without comments, texts and lifetimes.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal_length(rest) {
            length
        } else {
            let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
            let length = match rest.find(|letter| !is_part(letter)).unwrap_or(rest.len()) {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                length => length,
            };
            if !first.is_whitespace() {
                words.push(Word { line, text: &rest[..length] });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    words
}

/// The length of a text, a letter or a lifetime at the start of `rest`.
fn literal_length(rest: &str) -> Option<usize> {
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
    if let Some(raw) = raw {
        let after = raw.trim_start_matches('#');
        if let Some(inside) = after.strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(raw.len() - after.len()));
            let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
            return Some(rest.len() - inside.len() + length);
        }
    }
    let plain = rest.strip_prefix('b').unwrap_or(rest);
    let before = rest.len() - plain.len();
    let quote = plain.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    let mut letters = plain.char_indices().skip(1);
    if quote == '\'' {
        let mut next = plain.chars().skip(1);
        let (one, two) = (next.next()?, next.next()?);
        if one != '\\' && two != '\'' {
            // A lifetime.
            let name = |letter: char| letter.is_alphanumeric() || letter == '_';
            let end = plain[1..].find(|letter| !name(letter)).unwrap_or(plain.len() - 1);
            return Some(before + 1 + end);
        }
    }
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return Some(before + at + 1);
        }
    }
    Some(rest.len())
}
