//! Identity by tag, for a broker that hands out messages without saying who sent them: `P4#17:`
//! goes before the payload and is taken off before anybody else sees it. Where it fits, a tag also
//! has two characters of the run, `P4k3#17:`.

use std::sync::Arc;

use super::batch::Identity;
use super::failure::Failure;
use crate::plan::{MessageId, Plan, RunMark, TAG_MAX, Tagged};

/// The tags of one run.
#[derive(Debug)]
pub(super) struct Tags {
    plan: Arc<Plan>,
    run: Option<RunMark>,
}

impl Tags {
    /// Those of the run with this name.
    pub(super) fn new(plan: &Arc<Plan>, run: &str) -> Self {
        Self { plan: Arc::clone(plan), run: plan.tags_have_run().then(|| RunMark::of(run)) }
    }

    /// Those of a broker that takes messages of any length, so that each has the run.
    #[cfg(feature = "mqtt")]
    pub(super) fn with_run(plan: &Arc<Plan>, run: &str) -> Self {
        Self { plan: Arc::clone(plan), run: Some(RunMark::of(run)) }
    }

    /// Refuses a plan whose tags would not fit: the original's database mode keeps 32 characters of
    /// a message, so they must be short.
    ///
    /// # Errors
    /// Says how long the longest one is.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let longest = self.plan.longest_tag();
        if longest <= TAG_MAX {
            return Ok(());
        }
        Err(Failure::new(format!(
            "this broker does not say who sent a message, so each carries a tag such as `P4#17:`, \
             of at most {TAG_MAX} characters; this scenario needs {longest}: use lower producer \
             numbers or fewer lines a producer"
        )))
    }

    /// The payload with its tag before it.
    pub(super) fn put(&self, message: MessageId, payload: &str) -> String {
        self.plan.tag(message, self.run) + payload
    }

    /// The message that the tag names, and how many bytes the tag has. A text without a tag, or with
    /// one of no planned message, is whole and nobody's; one with another run's tag is whole too.
    pub(super) fn read(&self, text: &str) -> (Identity, usize) {
        match Tagged::split(text) {
            Some(tag) if tag.run != self.run => (Identity::EarlierRun, 0),
            Some(tag) => self.plan.find(tag.name).map_or((Identity::None, 0), |id| {
                (Identity::Message(id), text.len() - tag.payload.len())
            }),
            None => (Identity::None, 0),
        }
    }
}

/// Whether a text begins with a tag, of whatever run.
pub(super) fn has_tag(text: &str) -> bool {
    Tagged::split(text).is_some()
}
