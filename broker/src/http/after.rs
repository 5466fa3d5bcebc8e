//! A place in what `GET /stats` tells, as a query names it.

use std::fmt;
use std::str::FromStr;

use broker_client::wire::{ConsumerId, ProducerId};

/// A place in the list: the part, and the entry behind which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    Topics(Option<String>),
    Subscriptions(Option<ConsumerId>),
    Producers(Option<ProducerId>),
}

impl After {
    /// The part.
    pub(super) fn part(&self) -> &'static str {
        match self {
            Self::Topics(_) => "topics",
            Self::Subscriptions(_) => "subscriptions",
            Self::Producers(_) => "producers",
        }
    }

    /// The beginning of the next part.
    pub(super) fn next_part(&self) -> Self {
        match self {
            Self::Topics(_) => Self::Subscriptions(None),
            // Behind the last one of the last part nothing comes.
            Self::Subscriptions(_) | Self::Producers(_) => Self::Producers(None),
        }
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part();
        match self {
            Self::Topics(Some(name)) => write!(f, "{part}:{name}"),
            Self::Subscriptions(Some(id)) | Self::Producers(Some(id)) => write!(f, "{part}:{id}"),
            Self::Topics(None) | Self::Subscriptions(None) | Self::Producers(None) => {
                write!(f, "{part}:")
            }
        }
    }
}

impl FromStr for After {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = |text: &str| match text {
            "" => Some(None),
            text => text.parse().ok().filter(|id| *id >= 0).map(Some),
        };
        let after = match text.split_once(':') {
            Some(("topics", name)) => Some(Self::Topics(Some(name.to_owned()))),
            Some(("subscriptions", text)) => id(text).map(Self::Subscriptions),
            Some(("producers", text)) => id(text).map(Self::Producers),
            _ => None,
        };
        after.ok_or_else(|| {
            format!(
                "after: {text:?} was given, the `next` of an answer was expected: topics:NAME, \
                 subscriptions:ID or producers:ID"
            )
        })
    }
}
