//! What is wrong with a scenario or a producer log, and where: all of it, with the line it stands
//! on and a hint, as text for people.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use broker_client::wire::masked;

/// So many are shown; the rest are counted.
const SHOWN_MAX: usize = 20;

/// Everything that is wrong, in the order in which it was found; at least one thing.
#[derive(Clone, Debug)]
pub struct Error {
    diagnostics: Vec<Diagnostic>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default)]
pub struct Diagnostic {
    title: String,
    label: String,
    help: Option<String>,
    place: Option<Place>,
    file: Option<PathBuf>,
}

/// Where in which text.
#[derive(Clone, Debug)]
struct Place {
    source: Arc<Source>,
    span: Range<usize>,
}

/// Where a value was written, for what may be found wrong with it later, when it is known what the
/// scenario runs against. All are equal: where a value stands does not make it another one.
#[derive(Clone, Debug, Default)]
pub struct Spot(Option<Place>);

impl PartialEq for Spot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Spot {}

/// A file as it was read.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
}

impl Error {
    /// What was found, if anything was.
    pub fn unless_empty(diagnostics: Vec<Diagnostic>) -> Result<(), Self> {
        if diagnostics.is_empty() { Ok(()) } else { Err(Self { diagnostics }) }
    }

    /// Everything that is wrong.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Takes it apart, so that several files' errors can be put together.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The same, found on behalf of this scenario file.
    #[must_use]
    pub fn of_file(mut self, file: &Path) -> Self {
        for diagnostic in &mut self.diagnostics {
            diagnostic.file.get_or_insert_with(|| file.to_owned());
        }
        self
    }

    /// The whole text for people, with ANSI colours where the reader's terminal shows them.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for diagnostic in self.diagnostics.iter().take(SHOWN_MAX) {
            text.push_str(&diagnostic.render(&renderer));
            text.push_str("\n\n");
        }
        text.truncate(text.trim_end().len());
        if let Some(rest @ 1..) = self.diagnostics.len().checked_sub(SHOWN_MAX) {
            let title = format!("{rest} more are not shown");
            let group = Group::with_title(Level::NOTE.primary_title(title.as_str()));
            text.push_str("\n\n");
            text.push_str(&renderer.render(&[group]));
        }
        text
    }
}

impl Spot {
    /// This place of a source.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let span = source.clamp(span);
        Self(Some(Place { source: Arc::clone(source), span }))
    }
}

impl From<Diagnostic> for Error {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Error {}

impl Diagnostic {
    /// A fragment in lower case that says what is wrong, without its place. The password of a URL in
    /// it is masked.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: masked(&title.into()), ..Self::default() }
    }

    /// What to write beside the caret: why the place is wrong, or what was expected there.
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: masked(&label.into()), ..self }
    }

    /// What to do about it.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Where it is: `span` counts bytes of the source's text.
    pub fn at(self, source: &Arc<Source>, span: Range<usize>) -> Self {
        self.on(&Spot::new(source, span))
    }

    /// Where it is, if that was noted.
    pub fn on(self, spot: &Spot) -> Self {
        Self { place: spot.0.clone(), ..self }
    }

    /// What is wrong, without place and hint.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What is wrong and why in one line, for an error without a file.
    pub fn brief(&self) -> String {
        if self.label.is_empty() {
            self.title.clone()
        } else {
            format!("{}: {}", self.title, self.label)
        }
    }

    /// What is wrong, why, and what to do about it, in one line.
    pub fn line(&self) -> String {
        match &self.help {
            Some(help) => masked(&format!("{}; {help}", self.brief())),
            None => self.brief(),
        }
    }

    /// The scenario file that it was found on behalf of, or else the file that it is in; none where
    /// neither is known.
    pub fn file(&self) -> Option<&Path> {
        let place = || Some(Path::new(self.location()?.0));
        self.file.as_deref().or_else(place)
    }

    /// File, line and column (both from 1), where there are any.
    pub fn location(&self) -> Option<(&str, usize, usize)> {
        let place = self.place.as_ref()?;
        let (line, column) = place.source.line_and_column(place.span.start);
        Some((&place.source.name, line, column))
    }

    /// Where it begins, in bytes of its file; nothing for one without a place.
    pub fn offset(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.span.start)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(self.title.as_str()));
        if let Some(Place { source, span }) = &self.place {
            // Only the line itself: a log may have a million, and the renderer reads all it is given.
            let (excerpt, line) = source.line_around(span);
            let inner = span.start - excerpt.start..span.end - excerpt.start;
            let (shown, inner) = masked_line(&source.text[excerpt], &inner);
            let annotation = AnnotationKind::Primary.span(inner).label(self.label.as_str());
            let snippet = Snippet::source(shown)
                .line_start(line)
                .path(source.name.as_str())
                .annotation(annotation);
            group = group.element(snippet);
        } else if !self.label.is_empty() {
            group = group.element(Level::NOTE.message(self.label.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

impl Source {
    /// A file's text, and its name as the user gave it.
    pub fn new(file: &Path, text: String) -> Arc<Self> {
        Arc::new(Self { name: file.display().to_string(), text })
    }

    /// A file's bytes as text, without the mark that some editors put in front.
    pub(crate) fn decode(file: &Path, bytes: Vec<u8>) -> Result<Arc<Self>, Diagnostic> {
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            let (end, source) = (before.len(), Self::new(file, before));
            let title = format!("{} is not UTF-8", file.display());
            Diagnostic::new(title).label("the next byte is no text").at(&source, end..end)
        })?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Ok(Self::new(file, text))
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column, both from 1; the column counts characters.
    pub fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// Keeps a span inside the text, on character boundaries and on one line: a caret under a
    /// whole block says nothing.
    fn clamp(&self, span: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end.max(start));
        let line_len = self.text[start..end].find(['\n', '\r']).unwrap_or(end - start);
        start..start + line_len
    }

    /// The line that a span stands on, and its number.
    fn line_around(&self, span: &Range<usize>) -> (Range<usize>, usize) {
        let start = self.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[span.end..].find('\n').map_or(self.text.len(), |len| span.end + len);
        (start..end, self.line_and_column(start).0)
    }
}

/// A line without the passwords of URLs, and where the span is in it.
fn masked_line(line: &str, span: &Range<usize>) -> (String, Range<usize>) {
    let shown = masked(line);
    // Usually the span holds whole URLs; in one that cuts a URL the caret may be off by some letters.
    let place = |at: usize| shown.floor_char_boundary(masked(&line[..at]).len());
    let start = place(span.start);
    let end = place(span.end).max(start);
    (shown, start..end)
}

/// The candidate that a mistyped word most likely meant: the one nearest to it, if it is near and
/// no other is as near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = (word.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    let mut tie = false;
    for candidate in candidates {
        let distance = if candidate.eq_ignore_ascii_case(word) {
            0
        } else {
            strsim::damerau_levenshtein(word, candidate)
        };
        match best {
            Some((least, _)) if distance > least => {}
            Some((least, _)) if distance == least => tie = true,
            _ => (best, tie) = (Some((distance, candidate)), false),
        }
    }
    best.filter(|(distance, _)| *distance <= far && !tie).map(|(_, candidate)| candidate)
}

/// "did you mean" the nearest candidate, or else which there are.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, candidates.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<&str> = candidates.into_iter().collect();
            format!("there are: {}", all.join(", "))
        }
    }
}
