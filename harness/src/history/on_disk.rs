//! What a fault of the storage did to a disk, and what is known of a message there.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::moment::Nanos;
use crate::numbers;
use crate::plan::MessageId;

/// What one firing of a fault of the storage did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnDisk {
    /// What a power cut forgot.
    pub forgotten: Option<Forgotten>,
    /// What rotted.
    pub rotten: Option<Rotten>,
    /// Why the server was started again when the fault was over: it had ended by itself, or took
    /// nothing any more.
    pub restarted: Option<String>,
    /// The server did not start again: how it ended, with its last lines. Nothing can be read of it
    /// any more.
    pub gone: Option<String>,
}

/// What a power cut forgot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with what the cut forgot")]
pub struct Forgotten {
    /// Bytes that were written and not synced, without those of noise files; of `keep: some` those
    /// that did not survive.
    pub bytes: u64,
    /// The files that they were in, without noise files.
    pub files: u64,
    /// The same bytes in noise files: what the server writes and does not need.
    pub noise: u64,
    /// Bytes that were not synced and survived by chance.
    pub kept: u64,
    /// Names that were created, renamed or removed, and are not any more.
    pub names: u64,
    /// The files that forgot most, at most three, each with its path in the folder and its bytes.
    #[serde(deserialize_with = "shares")]
    #[schemars(with = "Vec<(String, u64)>")]
    pub most: Vec<(String, u64)>,
}

impl Forgotten {
    /// What it came to: `123,456 bytes in 3 files (most: a/1.blk 120,000), kept 4,096 bytes by
    /// chance`, or
    /// `nothing, and 812 bytes of files that the server does not need`.
    pub fn words(&self) -> String {
        let bytes = |count| numbers::count(count, "byte");
        let mut parts = Vec::with_capacity(4);
        if self.bytes > 0 {
            let mut words =
                format!("{} in {}", bytes(self.bytes), numbers::count(self.files, "file"));
            if let Some((file, most)) = self.most.first().filter(|_| self.files > 1) {
                words += &format!(" (most: {file} {})", numbers::number(*most));
            }
            parts.push(words);
        }
        if self.names > 0 {
            parts.push(format!("{} of files", numbers::count(self.names, "name")));
        }
        let noise = format!("{} of files that the server does not need", bytes(self.noise));
        match (parts.is_empty(), self.noise) {
            (true, 0) => parts.push("nothing".to_owned()),
            (true, _) => parts.push(format!("nothing but {noise}")),
            (false, 0) => {}
            (false, _) => parts.push(noise),
        }
        let words = parts.join(" and ");
        match self.kept {
            0 => words,
            kept => format!("{words}, kept {} by chance", bytes(kept)),
        }
    }
}

/// Reads [`Forgotten::most`], and says what is wrong with it in the words of a file.
fn shares<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, u64)>, D::Error> {
    #[derive(Deserialize)]
    #[serde(expecting = "a list of file and bytes")]
    struct Share(String, u64);

    let shares = Vec::<Share>::deserialize(from)?;
    Ok(shares.into_iter().map(|Share(file, bytes)| (file, bytes)).collect())
}

/// Which bits of a message flipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotten {
    /// Whose bytes they are in.
    pub message: MessageId,
    /// The file's path in the folder.
    pub file: String,
    /// Where in the file the first flipped bit is, in bytes.
    pub offset: u64,
    /// How many flipped in each copy.
    pub bits: u32,
}

/// What is known of an acknowledged message on the disk, as that was just before its last power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Which message.
    pub message: MessageId,
    /// What is known of its payload's bytes.
    pub trace: Trace,
}

/// What is known of a payload's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    deny_unknown_fields,
    expecting = "one of `nowhere`, `written` and `synced`"
)]
pub enum Trace {
    /// They were in no file.
    Nowhere,
    /// They were in this file, and not durable.
    Written {
        /// Its path in the folder.
        file: String,
        /// When they were written; none where that was before the run began.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        at: Option<Nanos>,
        /// When the file was last synced; none where that was before the run began, or never.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        synced: Option<Nanos>,
    },
    /// They were durable in this file.
    Synced {
        /// Its path in the folder.
        file: String,
        /// When they were written; none where that was before the run began.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        at: Option<Nanos>,
    },
}
