//! A server of the user's own, which the harness starts beside a driver that is a program.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::raw;
use crate::input::diagnostic::{Diagnostic, Source};
use crate::input::values;
use crate::input::yaml::{At, Field};

/// How long a server may take until it is ready, where nothing else is said.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The URL that the driver is told, where none is said.
const URL: &str = "tcp://{host}:{port}";

const HOST: &str = "{host}";
const PORT: &str = "{port}";
const FOLDER: &str = "{folder}";

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnServer {
    /// The program and its arguments, with the places that are filled in at its start.
    pub command: Vec<String>,
    /// Where it runs; none is the folder of the harness.
    pub folder: Option<PathBuf>,
    /// The folder of its data, below the one that it is given; none where nobody knows it.
    pub data: Option<PathBuf>,
    /// The text in a line of its output that says that it is ready; none is known by its port.
    pub ready: Option<String>,
    /// How long that may take.
    pub ready_within: Duration,
    /// The URL that its driver is told, with places for host and port.
    pub url: String,
}

impl OwnServer {
    /// Its command for this address and this folder.
    #[must_use]
    pub fn command_at(&self, listen: SocketAddr, folder: &Path) -> Vec<String> {
        let (host, port) = (listen.ip().to_string(), listen.port().to_string());
        let folder = folder.display().to_string();
        let fill = |part: &String| fill(part, &[(HOST, &host), (PORT, &port), (FOLDER, &folder)]);
        self.command.iter().map(fill).collect()
    }

    /// The URL that tells its driver this address.
    #[must_use]
    pub fn url_at(&self, host: &str, port: u16) -> String {
        fill(&self.url, &[(HOST, host), (PORT, &port.to_string())])
    }
}

/// The text with values in its places; what is filled in is not looked at again.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut done) = (String::with_capacity(text.len()), 0);
    for (start, place) in places(text) {
        if let Some((_, value)) = values.iter().find(|(own, _)| *own == place) {
            filled.push_str(&text[done..start]);
            filled.push_str(value);
            done = start + place.len();
        }
    }
    filled + &text[done..]
}

/// What a file says of a server.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub(crate) fn read(
    at: &At<raw::Server>,
    source: &Arc<Source>,
) -> Result<OwnServer, Vec<Diagnostic>> {
    let mut reading = Reading { source, wrong: Vec::new() };
    let At { value: raw, span } = at;
    let command = reading.command(&raw.command, span);
    let url = reading.text(&raw.url, &[HOST, PORT], URL);
    let data = raw.data.0.as_ref().and_then(|at| reading.data(at));
    let ready_within = raw.ready_within.0.as_ref().and_then(|at| {
        let read = values::positive_time(&at.value);
        read.map_err(|why| reading.add(&at.span, why)).ok()
    });
    if let Some(at) = raw.ready.0.as_ref().filter(|at| at.value.is_empty()) {
        let title = "every line has this text, which is empty";
        let label = "a text that the server writes when it is ready, such as `ready: listening`";
        reading.add(&at.span, Diagnostic::new(title).label(label));
    }
    if !reading.wrong.is_empty() {
        return Err(reading.wrong);
    }
    Ok(OwnServer {
        command,
        folder: None,
        data,
        ready: raw.ready.value().cloned(),
        ready_within: ready_within.unwrap_or(READY_WITHIN),
        url,
    })
}

struct Reading<'a> {
    source: &'a Arc<Source>,
    wrong: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn add(&mut self, span: &Range<usize>, diagnostic: Diagnostic) {
        self.wrong.push(diagnostic.at(self.source, span.clone()));
    }

    fn command(&mut self, field: &Field<Vec<At<String>>>, whole: &Range<usize>) -> Vec<String> {
        let parts = field.value().map_or(&[][..], Vec::as_slice);
        if parts.is_empty() {
            let title = "a server needs a `command`";
            let label = "such as `command: [./my_server, --port, \"{port}\", --dir, \"{folder}\"]`";
            self.add(whole, Diagnostic::new(title).label(label));
        }
        for part in parts {
            self.check_places(part, &[HOST, PORT, FOLDER]);
        }
        parts.iter().map(|part| part.value.clone()).collect()
    }

    fn text(&mut self, field: &Field<String>, known: &[&str], usual: &str) -> String {
        let Some(at) = &field.0 else { return usual.to_owned() };
        self.check_places(at, known);
        at.value.clone()
    }

    /// A path below the folder: a disk of the harness's own is put there and taken away.
    fn data(&mut self, at: &At<String>) -> Option<PathBuf> {
        let known = self.check_places(at, &[FOLDER]);
        let below = at.value.strip_prefix(FOLDER).map(|path| path.trim_start_matches('/'));
        let is_below = |path: &&str| {
            let mut parts = Path::new(path).components();
            parts.all(|part| matches!(part, Component::Normal(_)))
        };
        let is_parted = matches!(at.value.as_bytes().get(FOLDER.len()), None | Some(b'/'));
        let found = below.filter(|path| is_parted && is_below(path));
        if found.is_none() && known {
            let title = "`data` is not below the folder that the server is given";
            let label = "`\"{folder}\"`, or a path below it such as `\"{folder}/data\"`";
            self.add(&at.span, Diagnostic::new(title).label(label));
        }
        found.map(PathBuf::from)
    }

    /// Whether every place in a text is one of these.
    fn check_places(&mut self, at: &At<String>, known: &[&str]) -> bool {
        let Some(other) =
            places(&at.value).map(|(_, place)| place).find(|place| !known.contains(place))
        else {
            return true;
        };
        let title = format!("nothing is filled in for `{other}`");
        let label = format!("there are {}", known.join(", "));
        self.add(&at.span, Diagnostic::new(title).label(label));
        false
    }
}

/// The places in a text, each with where it begins: a word in braces. `${word}` is one of a shell's.
fn places(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('{').filter_map(|(start, _)| {
        let end = start + text[start..].find('}')?;
        let word = &text[start + 1..end];
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_place = !word.is_empty() && word.chars().all(is_plain);
        let is_shells = text[..start].ends_with('$');
        (is_place && !is_shells).then(|| (start, &text[start..=end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_and_nothing_else() {
        let server = OwnServer {
            command: [
                "run",
                "{host}:{port}",
                "--dir={folder}/x",
                "{}",
                "{\"a\": 1}",
                "é{port",
                "${port}",
            ]
            .map(str::to_owned)
            .to_vec(),
            folder: None,
            data: None,
            ready: None,
            ready_within: READY_WITHIN,
            url: "redis://{host}:{port}/2".to_owned(),
        };
        let listen = "127.0.0.1:81".parse().unwrap();
        let command = server.command_at(listen, Path::new("/t/{port}"));
        let expected =
            ["run", "127.0.0.1:81", "--dir=/t/{port}/x", "{}", "{\"a\": 1}", "é{port", "${port}"];
        assert_eq!(command, expected);
        assert_eq!(server.url_at("127.0.0.1", 82), "redis://127.0.0.1:82/2");
    }

    #[test]
    fn a_place_is_a_word_in_braces_that_is_not_the_shells() {
        let found = |text| places(text).map(|(_, place)| place).collect::<Vec<_>>();
        assert_eq!(found("{port}:{folder}"), ["{port}", "{folder}"]);
        assert_eq!(found("a{prot}b"), ["{prot}"]);
        assert_eq!(found("{\"a\": 1} {} ${HOME} { port } {port"), [""; 0]);
    }
}
