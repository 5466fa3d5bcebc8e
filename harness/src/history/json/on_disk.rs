//! What a fault of the storage did to a disk, and what is known of messages there, as a file has it:
//! messages go by name.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::history::{self, Forgotten, Trace};
use crate::plan::{MessageId, Plan};

/// In the line of a fault.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what the fault did to the disk")]
pub(super) struct OnDisk<'a> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    forgotten: Option<Cow<'a, Forgotten>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    rotten: Option<Rotten<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    restarted: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    gone: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the bits that flipped")]
struct Rotten<'a> {
    /// `P4#17`.
    message: Cow<'a, str>,
    file: Cow<'a, str>,
    offset: u64,
    bits: u32,
}

/// A line of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of a message on the disk")]
pub(super) struct Traced<'a> {
    /// `P4#17`.
    message: Cow<'a, str>,
    found: Cow<'a, Trace>,
}

impl<'a> OnDisk<'a> {
    pub(super) fn new(plan: &Plan, own: &'a history::OnDisk) -> Self {
        let rotten = |own: &'a history::Rotten| Rotten {
            message: plan.name(own.message).to_string().into(),
            file: (&own.file).into(),
            offset: own.offset,
            bits: own.bits,
        };
        Self {
            forgotten: own.forgotten.as_ref().map(Cow::Borrowed),
            rotten: own.rotten.as_ref().map(rotten),
            restarted: own.restarted.as_deref().map(Cow::from),
            gone: own.gone.as_deref().map(Cow::from),
        }
    }

    /// With the messages that `named` finds by their names.
    pub(super) fn read(
        self,
        named: impl Fn(&str) -> Result<MessageId, String>,
    ) -> Result<history::OnDisk, String> {
        let rotten = |own: Rotten<'_>| {
            Ok::<_, String>(history::Rotten {
                message: named(&own.message)?,
                file: own.file.into_owned(),
                offset: own.offset,
                bits: own.bits,
            })
        };
        Ok(history::OnDisk {
            forgotten: self.forgotten.map(Cow::into_owned),
            rotten: self.rotten.map(rotten).transpose()?,
            restarted: self.restarted.map(Cow::into_owned),
            gone: self.gone.map(Cow::into_owned),
        })
    }
}

impl<'a> Traced<'a> {
    pub(super) fn new(plan: &Plan, own: &'a history::Traced) -> Self {
        let message = plan.name(own.message).to_string().into();
        Self { message, found: Cow::Borrowed(&own.trace) }
    }

    /// With the message that `named` finds by its name.
    pub(super) fn read(
        self,
        named: impl Fn(&str) -> Result<MessageId, String>,
    ) -> Result<history::Traced, String> {
        let message = named(&self.message)?;
        Ok(history::Traced { message, trace: self.found.into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{Play, SMALL, history, plan};
    use crate::fault::kinds::power;
    use crate::fault::{Action, Effect, Fault, Power, StorageFault, Target, Trigger};
    use crate::history::json::{digest, read, write};
    use crate::history::{Firing, Forgotten, History, Moment, OnDisk, Rotten, Trace, Traced};
    use crate::input::diagnostic::Spot;
    use crate::plan::{MessageId, Plan};

    /// A run with a power cut, of which everything is told that can be.
    fn case() -> (Plan, History) {
        let mut plan = plan(&SMALL);
        let effect = Effect::Storage(StorageFault::Power(Power::PLAIN));
        let action = Action { definition: &power::POWER, target: Target::Storage, effect };
        let trigger = Trigger::At(std::time::Duration::from_secs(1));
        let trigger_spot = Spot::default();
        plan.scenario.faults = vec![Fault { line: 9, trigger_spot, trigger, action, lasts: None }];
        let mut history = history(&plan, Play::default());
        let moment = |stamp| Moment { stamp, at: stamp };
        let most = vec![("a \"b\"/1.blk".to_owned(), 12), ("c".to_owned(), 5)];
        let forgotten = Forgotten { bytes: 20, files: 3, noise: 7, kept: 4, names: 1, most };
        let (message, file) = (MessageId(3), "data/x".to_owned());
        history.faults.push(Firing {
            fault: 0,
            whom: "broker".to_owned(),
            began: moment(5),
            struck: Some(moment(6)),
            ended: moment(8),
            met: 2,
            on_disk: Some(OnDisk {
                forgotten: Some(forgotten),
                rotten: Some(Rotten { message, file: file.clone(), offset: 9, bits: 1 }),
                restarted: Some("it ended with exit status 1".to_owned()),
                gone: Some("it ended:\n  no such file".to_owned()),
            }),
        });
        let written = |at, synced| Trace::Written { file: file.clone(), at, synced };
        let traces = [
            Trace::Nowhere,
            written(Some(7), Some(6)),
            written(None, None),
            Trace::Synced { file: file.clone(), at: Some(7) },
            Trace::Synced { file: file.clone(), at: None },
        ];
        let traced = |(id, trace)| Traced { message: MessageId(id), trace };
        history.traces = (0..).zip(traces).map(traced).collect();
        (plan, history)
    }

    fn written(plan: &Plan, history: &History) -> String {
        let mut bytes = Vec::new();
        write(plan, history, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_known_of_a_disk_is_read_back() {
        let (plan, history) = case();
        let text = written(&plan, &history);
        let again = read(&plan, text.as_bytes()).unwrap();
        assert_eq!(format!("{history:?}"), format!("{again:?}"));
        let found = r#"{"trace":{"message":"P1#1","found":"nowhere"}}"#;
        assert!(text.contains(found), "{text}");
        let found = r#""found":{"written":{"file":"data/x","at":7,"synced":6}}"#;
        assert!(text.contains(found), "{text}");
    }

    #[test]
    fn a_file_without_it_is_as_it_was() {
        let (plan, mut history) = case();
        let told = digest(&plan, &history);
        history.traces.clear();
        let untraced = digest(&plan, &history);
        history.faults[0].on_disk = None;
        let text = written(&plan, &history);
        assert!(!text.contains("on_disk") && !text.contains("trace"), "{text}");
        assert!(text.contains(r#""ended":[8,8],"met":2}}"#), "{text}");
        let digests = [told, untraced, digest(&plan, &history)];
        assert!(digests[0] != digests[1] && digests[1] != digests[2], "{digests:?}");
        assert_eq!(read(&plan, text.as_bytes()).unwrap().faults[0].on_disk, None);
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_field() {
        let (plan, history) = case();
        let text = written(&plan, &history);
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            let text = text.replacen(from, to, 1);
            read(&plan, text.as_bytes()).unwrap_err().to_string()
        };
        let lines = text.lines().count();
        let fault = lines - 6;
        let expected = [
            (
                refused(r#"\"/1.blk",12]"#, r#"\"/1.blk"]"#),
                format!("line {fault}: fault.on_disk.forgotten.most[0]: "),
            ),
            (
                refused(r#"["c",5]"#, "7"),
                "fault.on_disk.forgotten.most[1]: expected a list of file and bytes, found integer \
                 `7`"
                .to_owned(),
            ),
            (
                refused(r#""bytes":20,"#, ""),
                "fault.on_disk.forgotten: missing field `bytes`".to_owned(),
            ),
            (
                refused(r#""on_disk":{"#, r#""on_disk":{"forgoten":5,"#),
                "fault.on_disk.forgoten: unknown field `forgoten`".to_owned(),
            ),
            (
                refused(r#""rotten":{"message":"P1#"#, r#""rotten":{"message":"P77#"#),
                format!("line {fault}: the plan has no message P77#"),
            ),
            (
                refused(r#""found":"nowhere""#, r#""found":"somewhere""#),
                format!("line {}: trace.found: unknown variant `somewhere`", fault + 1),
            ),
            (
                refused(r#""at":7,"synced""#, r#""at":"x","synced""#),
                format!(
                    "line {}: trace.found.written.at: expected a whole number, found string",
                    fault + 2
                ),
            ),
            (
                refused("{\"trace\":{\"message\":\"P1#1\",\"found\":\"nowhere\"}}\n", ""),
                format!("line {}: the file is damaged: 5 traces were written, and 4 are in it", lines - 1),
            ),
        ];
        for (words, wanted) in expected {
            assert!(words.contains(&wanted), "{words}\n{wanted}");
            for name in ["struct", "enum", "tuple", "u32", "u64", "Cow"] {
                assert!(!words.contains(name), "{words}");
            }
        }
    }
}
