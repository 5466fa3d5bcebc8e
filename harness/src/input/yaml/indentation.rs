//! How deep the lines of a block of YAML stand: which depths a line may have, and what to do about one
//! that has another.

use std::ops::Range;

/// A line of a text that is neither blank nor a comment.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// From 1.
    number: usize,
    /// Where it begins, in bytes of the text.
    start: usize,
    /// Without what is before it.
    content: &'a str,
    /// How many blanks are before it.
    depth: usize,
}

/// Something that a line may stand as deep as.
struct Level<'a> {
    depth: usize,
    name: &'a str,
    line: usize,
}

impl<'a> Line<'a> {
    /// The depths that it opens, the deepest first: that of a `-`, and of a key.
    fn levels(&self) -> impl Iterator<Item = Level<'a>> + use<'a> {
        let Self { number: line, content, depth, .. } = *self;
        let dash = content.starts_with("- ").then_some(Level { depth, name: "-", line });
        let inner = content.strip_prefix("- ").map_or(content, str::trim_start);
        let depth = depth + content.len() - inner.len();
        let key = key(inner).map(|name| Level { depth, name, line });
        key.into_iter().chain(dash)
    }

    /// Whether what belongs to it stands on the lines below it.
    fn is_open(&self) -> bool {
        self.content.trim_end().ends_with(':')
    }
}

/// The key that a line begins with.
fn key(content: &str) -> Option<&str> {
    let (key, _) = content.split_once(": ").or_else(|| content.trim_end().split_once(':'))?;
    Some(key.trim()).filter(|key| !key.is_empty() && !key.starts_with(['{', '[', '#']))
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    let all = text.split_inclusive('\n').map(move |line| {
        let begins = start;
        start += line.len();
        (begins, line)
    });
    (1..).zip(all).filter_map(|(number, (start, line))| {
        let content = line.trim_start_matches(' ');
        let is_empty = content.trim().is_empty() || content.starts_with('#');
        let depth = line.len() - content.len();
        (!is_empty).then_some(Line { number, start, content: content.trim_end(), depth })
    })
}

/// The lines up to the one that has this place, that one last.
fn up_to(text: &str, place: usize) -> Vec<Line<'_>> {
    lines(text).take_while(|line| line.start <= place).collect()
}

/// The depths that are open at the end of these lines, the deepest first.
fn open<'a>(lines: &[Line<'a>]) -> Vec<Level<'a>> {
    let mut levels: Vec<Level<'a>> = Vec::new();
    for line in lines.iter().rev() {
        for level in line.levels() {
            if levels.last().is_none_or(|last| level.depth < last.depth) {
                levels.push(level);
            }
        }
    }
    levels
}

/// The whole line that has this place.
pub(super) fn line_at(text: &str, place: usize) -> &str {
    let start = text[..place].rfind('\n').map_or(0, |end| end + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Whether nothing but the end of a line stands at a span.
pub(super) fn is_line_end(text: &str, span: &Range<usize>) -> bool {
    let rest = text.get(span.start..).unwrap_or_default();
    let rest = rest.lines().next().unwrap_or_default().trim_start_matches([':', ' ']);
    rest.is_empty() || rest.starts_with('#')
}

/// A tab before what stands on the line of an error or, where the error is about a tab, on a later
/// one.
pub(super) fn tab(text: &str, place: usize, is_about_one: bool) -> Option<Range<usize>> {
    let start = text[..place].rfind('\n').map_or(0, |end| end + 1);
    let mut at = start;
    for line in text[start..].split_inclusive('\n').take(if is_about_one { usize::MAX } else { 1 })
    {
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..blanks].find('\t') {
            return Some(at + tab..at + tab + 1);
        }
        at += line.len();
    }
    None
}

/// What depth a line was meant to have that has one of its own, and where it begins.
pub(super) fn unknown_depth(text: &str, place: usize) -> Option<(String, Range<usize>)> {
    let lines = up_to(text, place);
    let (line, above) = lines.split_last()?;
    let before = above.last()?;
    let levels = open(above);
    let is_known = levels.iter().any(|level| level.depth == line.depth);
    if is_known || before.is_open() && line.depth > before.depth {
        return None;
    }
    // Of two that are as near, the deeper one.
    let meant = levels.iter().min_by_key(|level| level.depth.abs_diff(line.depth))?;
    let (name, number) = (meant.name, meant.line);
    let label = format!("use the same depth as `{name}` in line {number}: {}", blanks(meant.depth));
    let start = line.start + line.depth;
    Some((label, start..start + line.content.find([':', ' ']).unwrap_or(line.content.len())))
}

/// What to do about a key that is none at its depth, or has the wrong value for it: it may be one a
/// level deeper.
pub(super) fn belongs_below(text: &str, place: usize) -> Option<String> {
    let lines = up_to(text, place);
    let (line, above) = lines.split_last()?;
    if !is_of_line(text, line, place) {
        return None;
    }
    let levels = open(above);
    let child = levels.iter().rposition(|level| level.depth > line.depth)?;
    let parent = levels.get(child + 1).filter(|level| level.depth == line.depth)?;
    let child = &levels[child];
    let (below, sibling) = (parent.name, child.name);
    Some(format!(
        "if it belongs to `{below}`, indent it to the same depth as `{sibling}` in line {}: {}",
        child.line,
        blanks(child.depth)
    ))
}

/// The key, and the same where it may be one a level less deep.
pub(super) fn belongs_above(text: &str, place: usize) -> Option<(&str, String)> {
    let lines = up_to(text, place);
    let (line, above) = lines.split_last()?;
    let levels = open(above);
    let parent = levels.iter().find(|level| level.depth < line.depth)?;
    let (own, of, number) = (key(line.content)?, parent.name, parent.line);
    let depth = blanks(parent.depth);
    let help = format!(
        "if `{own}` does not belong to `{of}`, use the same depth as that in line {number}: {depth}"
    );
    is_of_line(text, line, place).then_some((own, help))
}

/// Whether what stands at a place is the line's own key or its value, and not inside of brackets.
fn is_of_line(text: &str, line: &Line<'_>, place: usize) -> bool {
    !text[line.start..place.max(line.start)].contains(['{', '[', ','])
}

/// What to do where a key has no value, and a line below it that might be one is not deeper.
pub(super) fn not_below(text: &str, place: usize) -> Option<String> {
    let above = up_to(text, place);
    let line = above.last()?;
    let next = lines(text).find(|next| next.start > line.start)?;
    let (key, next_key) = (key(line.content)?, key(next.content)?);
    (line.is_open() && next.depth <= line.depth).then(|| {
        let deeper = blanks(line.depth + 2);
        format!("if `{next_key}` belongs to `{key}`, indent it deeper than that, by {deeper}")
    })
}

fn blanks(count: usize) -> String {
    match count {
        0 => "no blanks".to_owned(),
        1 => "1 blank".to_owned(),
        more => format!("{more} blanks"),
    }
}
