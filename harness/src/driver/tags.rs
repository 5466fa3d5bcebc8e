//! Identity by tag, for a broker that hands out messages without saying who sent them: `P4#17:`
//! goes before the payload and is taken off before anybody else sees it.

use super::batch::Identity;
use super::failure::Failure;
use crate::plan::{MessageName, Plan, TAG_MAX};

/// Refuses a plan whose tags would not fit: the original's database mode keeps 32 characters of a
/// message, so they must be short.
///
/// # Errors
/// Says how long the longest one is.
pub(super) fn check(plan: &Plan) -> Result<(), Failure> {
    let longest = plan.longest_tag();
    if longest <= TAG_MAX {
        return Ok(());
    }
    Err(Failure::new(format!(
        "this broker does not say who sent a message, so each carries a tag such as `P4#17:`, of \
         at most {TAG_MAX} characters; this scenario needs {longest}: use lower producer numbers \
         or fewer lines a producer"
    )))
}

/// The message that the tag names, and how many bytes the tag has. A payload without a tag, or with
/// one of no planned message, is whole and nobody's.
pub(super) fn read(plan: &Plan, payload: &str) -> (Identity, usize) {
    let named =
        MessageName::split_tag(payload).and_then(|(name, rest)| Some((plan.find(name)?, rest)));
    named.map_or((Identity::None, 0), |(id, rest)| {
        (Identity::Message(id), payload.len() - rest.len())
    })
}
