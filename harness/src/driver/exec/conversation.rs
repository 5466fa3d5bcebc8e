//! What was asked of a process and is not answered yet, and what went wrong in between: answers that
//! come late, that nobody asked for, or that are no JSON. Each is told with its line.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize as _;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::Head;
use super::request::Request;

/// How much later than its deadline an answer counts.
pub const GRACE: Duration = Duration::from_secs(1);

/// So much of a line is shown.
const SHOWN: usize = 200;

/// So many troubles are kept of one process: one that goes wrong on each line says nothing new.
const TROUBLES_MAX: usize = 20;

/// A line that a driver wrote in answer to a request.
#[derive(Debug)]
pub struct Said {
    /// Its number, from 1.
    pub line: u64,
    /// The id of the request.
    pub id: u64,
    /// All of it.
    pub text: String,
    /// Whether it says why the call failed.
    pub failed: bool,
}

/// What went wrong in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The number of the driver's line, from 1; none where there is none.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub what: String,
    /// Whether the driver does not keep to the conversation, so that nothing it says can be relied on.
    pub is_breach: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

#[derive(Debug)]
struct Open {
    word: &'static str,
    deadline: Instant,
    tell: oneshot::Sender<Said>,
}

/// One process's conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    asked: u64,
    open: BTreeMap<u64, Open>,
    lines: u64,
    troubles: Vec<Trouble>,
    /// How many more there were.
    untold: u64,
    /// Why there is no more of it.
    over: Option<String>,
}

impl Conversation {
    /// Notes a request that leaves now, and gives it its id.
    ///
    /// # Errors
    /// Why there is nobody to ask any more.
    pub(super) fn ask(
        &mut self,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<(u64, oneshot::Receiver<Said>), String> {
        if let Some(why) = &self.over {
            return Err(why.clone());
        }
        self.asked += 1;
        let (tell, told) = oneshot::channel();
        self.open.insert(self.asked, Open { word: request.word(), deadline, tell });
        Ok((self.asked, told))
    }

    /// Takes in a line, without its end, and tells whoever waits for it.
    pub(super) fn hear(&mut self, text: Vec<u8>, now: Instant) {
        self.lines += 1;
        let line = self.lines;
        let Ok(text) = String::from_utf8(text) else {
            return self.breach(Some(line), "it is no UTF-8".to_owned());
        };
        let mut reader = serde_json::Deserializer::from_str(&text);
        let head = Head::deserialize(&mut reader).and_then(|head| reader.end().map(|()| head));
        let head = match head {
            Ok(head) => head,
            Err(error) => {
                let cure = "write to standard error what is for people";
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
                let what = match is_json {
                    true => format!("it has no `id` that is a number: {}", shown(&text)),
                    false => format!("it is no JSON ({error}): {}; {cure}", shown(&text)),
                };
                return self.breach(Some(line), what);
            }
        };
        let id = head.id;
        let Some(open) = self.open.remove(&id) else {
            let what = match (1..=self.asked).contains(&id) {
                true => format!("id {id} was answered before: {}", shown(&text)),
                false => format!("nothing was asked under id {id}: {}", shown(&text)),
            };
            return self.breach(Some(line), what);
        };
        let late = now.saturating_duration_since(open.deadline);
        if late > GRACE {
            let (word, late) = (open.word, late.as_secs_f64());
            let what = format!(
                "the answer to id {id} ({word}) came {late:.1} s after its deadline: {}",
                shown(&text)
            );
            self.note(Trouble { line: Some(line), what, is_breach: false });
            // What a late send says is not believed, because its outcome was called unknown already.
            if word == "send" {
                return;
            }
        }
        let failed = head.why.is_some();
        // Nobody may wait any more.
        let _ = open.tell.send(Said { line, id, text, failed });
    }

    /// Notes that an answer cannot be understood.
    pub(super) fn misunderstood(&mut self, said: &Said, word: &str, why: &str) {
        let (id, text) = (said.id, shown(&said.text));
        self.breach(Some(said.line), format!("the answer to id {id} ({word}): {why}: {text}"));
    }

    /// Notes that there is no more of it; a breach, unless the process was asked to end.
    pub(super) fn end(&mut self, why: String, was_asked: bool, now: Instant) {
        self.silent(now).into_iter().for_each(|trouble| self.note(trouble));
        if !was_asked && self.over.is_none() {
            self.note(Trouble { line: None, what: why.clone(), is_breach: true });
        }
        self.over.get_or_insert(why);
        self.open.clear();
    }

    /// Whether a request has no answer yet.
    pub(super) fn waits_for(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// Why there is no more of it.
    pub(super) fn over(&self) -> Option<&str> {
        self.over.as_deref()
    }

    /// What went wrong so far, with the requests that should have been answered by now.
    pub(super) fn troubles(&self, now: Instant) -> Vec<Trouble> {
        let untold = (self.untold > 0).then(|| Trouble {
            line: None,
            what: format!("and {} more like these", self.untold),
            is_breach: false,
        });
        self.troubles.iter().cloned().chain(untold).chain(self.silent(now)).collect()
    }

    /// The requests that should have been answered by now.
    fn silent(&self, now: Instant) -> Vec<Trouble> {
        let open = self.open.iter();
        let late = open.filter(|(_, own)| now.saturating_duration_since(own.deadline) > GRACE);
        let silent = late.map(|(id, open)| Trouble {
            line: None,
            what: format!("id {id} ({}) was never answered", open.word),
            is_breach: false,
        });
        silent.take(TROUBLES_MAX).collect()
    }

    fn breach(&mut self, line: Option<u64>, what: String) {
        self.note(Trouble { line, what, is_breach: true });
    }

    fn note(&mut self, trouble: Trouble) {
        if self.troubles.len() < TROUBLES_MAX {
            self.troubles.push(trouble);
        } else {
            self.untold += 1;
        }
    }
}

/// A line as it is shown to people: its beginning, with everything that a terminal would act on
/// escaped.
fn shown(text: &str) -> String {
    let cut = text.floor_char_boundary(SHOWN);
    let more = if cut < text.len() { "..." } else { "" };
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    format!("`{}{more}`", text[..cut].chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: Request<'_> = Request::Bye {};
    const SEND: Request<'_> =
        Request::Send { topic: "", session: "", sequence: 0, payloads: &[], retry: false };

    /// Asks two things whose deadline is in 5 s, hears these lines after so many seconds, and says
    /// what went wrong.
    fn check(request: &Request<'_>, lines: &[&str], after: u64, expected: &[&str]) {
        let mut conversation = Conversation::default();
        let now = Instant::now();
        let deadline = now + Duration::from_secs(5);
        let _told = [(); 2].map(|()| conversation.ask(request, deadline).unwrap());
        for line in lines {
            conversation.hear(line.as_bytes().to_vec(), now + Duration::from_secs(after));
        }
        let troubles = conversation.troubles(now + Duration::from_secs(after));
        let seen: Vec<_> = troubles.iter().map(ToString::to_string).collect();
        assert_eq!(seen, expected, "{lines:?}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        check(&BYE, &["{\"id\":2}", " {\"id\": 1, \"x\": [] } "], 0, &[]);
        check(
            &BYE,
            &["{\"id\":1}", "{\"id\":1}", "{\"id\":7}", "{\"id\":\"2\"}", "{\"di\":2}"],
            0,
            &[
                "line 2: id 1 was answered before: `{\"id\":1}`",
                "line 3: nothing was asked under id 7: `{\"id\":7}`",
                "line 4: it has no `id` that is a number: `{\"id\":\"2\"}`",
                "line 5: it has no `id` that is a number: `{\"di\":2}`",
            ],
        );
        let json = "line 1: it is no JSON (expected value at line 1 column 1): `connected\\u{1b}[0m`; \
                    write to standard error what is for people";
        check(&BYE, &["connected\u{1b}[0m"], 0, &[json]);
    }

    #[test]
    fn an_answer_is_late_a_second_after_its_deadline() {
        check(&SEND, &["{\"id\":1}", "{\"id\":2}"], 6, &[]);
        let late = "line 1: the answer to id 2 (send) came 3.0 s after its deadline: `{\"id\":2}`";
        check(&SEND, &["{\"id\":2}"], 8, &[late, "id 1 (send) was never answered"]);
    }

    #[test]
    fn a_late_send_is_not_believed_and_a_late_poll_is() {
        let now = Instant::now();
        let poll = Request::Poll { topic: "", subscription: "", max: 1, wait_ms: 0 };
        for (request, is_told) in [(SEND, false), (poll, true)] {
            let mut conversation = Conversation::default();
            let (_, mut told) = conversation.ask(&request, now).unwrap();
            conversation.hear(b"{\"id\":1}".to_vec(), now + 2 * GRACE);
            assert_eq!(told.try_recv().is_ok(), is_told);
        }
    }

    #[test]
    fn what_goes_wrong_is_bounded() {
        let lines = vec!["x".repeat(1000); 100];
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let mut conversation = Conversation::default();
        for line in lines {
            conversation.hear(line.as_bytes().to_vec(), Instant::now());
        }
        let troubles = conversation.troubles(Instant::now());
        assert_eq!(troubles.len(), TROUBLES_MAX + 1);
        assert!(troubles.iter().all(|trouble| trouble.what.len() < 2 * SHOWN));
        assert_eq!(troubles[TROUBLES_MAX].what, "and 80 more like these");
    }
}
