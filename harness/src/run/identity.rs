//! Identity by tag, for a broker that hands out messages without saying who sent them: `P4#17:`
//! goes before the payload and is taken off before the log is written.

use crate::driver::Failure;
use crate::plan::{MessageId, MessageName, Plan};

/// The original's database mode keeps 32 characters of a message, so a tag must be short.
const TAG_MAX: usize = 10;

/// Refuses a plan whose tags would not fit.
///
/// # Errors
/// Names the first message whose tag is too long.
pub fn check_tags(plan: &Plan) -> Result<(), Failure> {
    for id in (0..plan.messages.len()).map(MessageId::new) {
        let name = plan.name(id).to_string();
        if name.len() + 1 > TAG_MAX {
            return Err(Failure(format!(
                "this broker does not say who sent a message, so each carries a tag of at most \
                 {TAG_MAX} characters; `{name}:` is longer: use lower producer numbers or fewer \
                 lines"
            )));
        }
    }
    Ok(())
}

/// The message that the tag names, and the payload without it. A payload without a tag, or with
/// one of no planned message, is handed back whole.
#[must_use]
pub fn from_tag<'a>(plan: &Plan, payload: &'a str) -> (Option<MessageId>, &'a str) {
    let named = payload.split_once(':').and_then(|(tag, rest)| {
        let (producer, line) = tag.strip_prefix('P')?.split_once('#')?;
        let name = MessageName { producer: producer.parse().ok()?, line: line.parse().ok()? };
        Some((crate::run::identity::tmp(plan, name)?, rest))
    });
    named.map_or((None, payload), |(id, rest)| (Some(id), rest))
}
fn tmp(_: &Plan, _: MessageName) -> Option<MessageId> {
    None
}
