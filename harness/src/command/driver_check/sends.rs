//! What was sent in the conversation, and what is wrong with the answers: offsets that do not rise
//! within their topic, or are told where the driver says that none are.

use crate::driver::exec::answer::{Outcome, Sent};

use super::findings::Finding;

/// A message that was sent.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) session: String,
    pub(super) sequence: u64,
    pub(super) payload: String,
    /// Where its send was answered: the process and its line; none where it was not, in time.
    pub(super) answered: Option<(String, u64)>,
    /// Unknown without an answer.
    pub(super) outcome: Outcome,
    pub(super) offset: Option<u64>,
    pub(super) attempts: u32,
}

impl Message {
    /// `message 3 of ab12.P1.1`.
    pub(super) fn name(&self) -> String {
        format!("message {} of {}", self.sequence, self.session)
    }

    /// ` (P1, line 7)`, where its send was answered.
    pub(super) fn place(&self) -> String {
        let place = self.answered.as_ref();
        place.map(|(process, line)| format!(" ({process}, line {line})")).unwrap_or_default()
    }
}

/// All messages in the order of their sends.
#[derive(Debug, Default)]
pub(super) struct Sends(pub(super) Vec<Message>);

impl Sends {
    /// Adds messages that were sent as one request, and what is wrong with the answer.
    pub(super) fn add(
        &mut self,
        mut messages: Vec<Message>,
        answer: Option<(&str, u64, Sent)>,
        tells_offsets: bool,
    ) -> Option<Finding> {
        let Some((process, line, sent)) = answer else {
            self.0.extend(messages);
            return None;
        };
        let wrong = self.wrong(&messages, &sent, tells_offsets);
        for (place, message) in messages.iter_mut().enumerate() {
            message.answered = Some((process.to_owned(), line));
            message.outcome = sent.outcome;
            message.offset = sent.offsets.get(place).copied();
            message.attempts = sent.attempts;
        }
        self.0.extend(messages);
        wrong.map(|what| Finding::new(process, line, what))
    }

    fn wrong(&self, messages: &[Message], sent: &Sent, tells_offsets: bool) -> Option<String> {
        let topic = &messages.first()?.topic;
        let mut own = self.0.iter().filter(|message| message.topic == *topic);
        let last = own.rfind(|message| message.offset.is_some());
        let is_acked = sent.outcome == Outcome::Acked;
        match (sent.outcome, sent.why.as_deref(), sent.offsets.first()) {
            (Outcome::Refused | Outcome::Unknown, None | Some(""), _) => {
                Some("a send that was not acknowledged says `why`".to_owned())
            }
            (Outcome::Refused | Outcome::Unknown, ..) if !sent.offsets.is_empty() => {
                Some("a send that was not acknowledged has no offsets".to_owned())
            }
            (Outcome::Acked, _, None) if tells_offsets => {
                Some("the ack has no offsets, and the capabilities promise them".to_owned())
            }
            (Outcome::Acked, _, Some(_)) if !tells_offsets => {
                Some("the ack has offsets, and the capabilities say that it has none".to_owned())
            }
            (_, _, Some(first)) if is_acked => {
                let last = last.filter(|last| last.offset.is_some_and(|last| last >= *first))?;
                let (name, before) = (last.name(), last.offset.unwrap_or_default());
                let place = last.place();
                Some(format!(
                    "offset {first} does not come after {before}, that of {name}{place}, which \
                     the same topic acknowledged before: is it of another topic?"
                ))
            }
            _ => None,
        }
    }
}
