//! Query strings: parsed once, and explained field by field where they are wrong.

use std::borrow::Cow;
use std::str::FromStr;

use broker_client::wire::{ConsumerId, Offset};
use percent_encoding::percent_decode_str;
use tokio::time::Duration;

use super::after::After;
use super::failure::Failure;
use super::limits::Limits;
use super::number::whole;
use crate::store::{self, Start};

/// The query of `GET /consumer/consume`.
pub(super) struct Consume<'a> {
    pub(super) subscription: Subscription<'a>,
    pub(super) offset: Option<Offset>,
    pub(super) max: Option<usize>,
    pub(super) wait: Duration,
}

/// The query of `GET /size` and `DELETE /consumer`.
pub(super) struct Subscription<'a> {
    topic: Cow<'a, str>,
    consumer: ConsumerId,
    epoch: Option<Cow<'a, str>>,
}

impl Subscription<'_> {
    /// As a store takes it.
    pub(super) fn named(&self) -> store::Subscription<'_> {
        store::Subscription {
            topic: &self.topic,
            consumer: self.consumer,
            epoch: self.epoch.as_deref(),
        }
    }
}

/// The query of `GET /topics`, where it asks for some of them.
pub(super) struct Topics<'a> {
    after: Option<Cow<'a, str>>,
    from: Option<u64>,
    pub(super) max: usize,
}

impl Topics<'_> {
    /// Where they begin.
    pub(super) fn start(&self) -> Start<'_> {
        match (&self.after, self.from) {
            (Some(after), _) => Start::After(after),
            (None, Some(place)) => Start::At(place),
            (None, None) => Start::First,
        }
    }
}

/// None where all topics are asked for, as clients of the original do.
pub(super) fn topics<'a>(
    query: Option<&'a str>,
    limits: &Limits,
) -> Result<Option<Topics<'a>>, Failure> {
    let [after, from, max] = fields(query, ["after", "from", "max"])?;
    if after.is_none() && from.is_none() && max.is_none() {
        return Ok(None);
    }
    let from = optional("from", from)?;
    if after.is_some() && from.is_some() {
        return Err(Failure::bad_request("from: give either after or from"));
    }
    let max = batch(max, "topics", limits)?.unwrap_or(limits.batch_messages);
    if max == 0 {
        return Err(Failure::bad_request("max: 0 was given, at least 1 was expected"));
    }
    Ok(Some(Topics { after, from, max }))
}

/// The query of `GET /audit`.
pub(super) struct Audit<'a> {
    pub(super) topic: Cow<'a, str>,
    pub(super) offset: Offset,
    pub(super) max: usize,
}

pub(super) fn audit<'a>(query: Option<&'a str>, limits: &Limits) -> Result<Audit<'a>, Failure> {
    let [topic, offset, max] = fields(query, ["topic", "offset", "max"])?;
    Ok(Audit {
        topic: needed("topic", topic)?,
        offset: optional("offset", offset)?.unwrap_or(0),
        max: batch(max, "messages", limits)?.unwrap_or(limits.batch_messages),
    })
}

/// Where `GET /stats` is to go on, if not at the beginning.
pub(super) fn stats(query: Option<&str>) -> Result<Option<After>, Failure> {
    let [after] = fields(query, ["after"])?;
    after.map(|after| after.parse()).transpose().map_err(|why: String| Failure::bad_request(why))
}

pub(super) fn consume<'a>(query: Option<&'a str>, limits: &Limits) -> Result<Consume<'a>, Failure> {
    let [topic, consumer, epoch, offset, max, wait] =
        fields(query, ["topic", "consumer_id", "epoch", "offset", "max", "wait_ms"])?;
    let max = batch(max, "messages", limits)?;
    Ok(Consume {
        subscription: Subscription {
            topic: needed("topic", topic)?,
            consumer: number("consumer_id", &needed("consumer_id", consumer)?)?,
            epoch,
        },
        offset: optional("offset", offset)?,
        max,
        wait: Duration::from_millis(optional("wait_ms", wait)?.unwrap_or(0)).min(limits.wait),
    })
}

pub(super) fn subscription(query: Option<&str>) -> Result<Subscription<'_>, Failure> {
    let [topic, consumer, epoch] = fields(query, ["topic", "consumer_id", "epoch"])?;
    Ok(Subscription {
        topic: needed("topic", topic)?,
        consumer: number("consumer_id", &needed("consumer_id", consumer)?)?,
        epoch,
    })
}

/// The topic that the path of `DELETE /topics/NAME` names.
pub(super) fn topic_in(path: &str) -> Result<Cow<'_, str>, Failure> {
    let name = path.rsplit('/').next().unwrap_or_default();
    unescape(name)
        .ok_or_else(|| Failure::bad_request(format!("path: {name:?} is not percent-encoded UTF-8")))
}

/// How many of something are wanted at most.
fn batch(max: Option<Cow<'_, str>>, what: &str, limits: &Limits) -> Result<Option<usize>, Failure> {
    let max: Option<usize> = optional("max", max)?;
    let limit = limits.batch_messages;
    match max {
        Some(max) if max > limit => {
            let text = format!("max: a batch of {max} is over the limit of {limit} {what}");
            Err(Failure::too_large(text))
        }
        max => Ok(max),
    }
}

/// The values of these fields, decoded; others are passed over.
fn fields<'a, const N: usize>(
    query: Option<&'a str>,
    names: [&str; N],
) -> Result<[Option<Cow<'a, str>>; N], Failure> {
    let mut values = [const { None }; N];
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        let Some(index) = names.iter().position(|known| *known == name) else { continue };
        if values[index].is_some() {
            return Err(Failure::bad_request(format!("{name}: it is given twice")));
        }
        values[index] = Some(decode(value)?);
    }
    Ok(values)
}

fn needed<'a>(name: &str, value: Option<Cow<'a, str>>) -> Result<Cow<'a, str>, Failure> {
    value.ok_or_else(|| Failure::bad_request(format!("{name}: it is missing")))
}

fn optional<T: FromStr>(name: &str, value: Option<Cow<'_, str>>) -> Result<Option<T>, Failure> {
    value.map(|value| number(name, &value)).transpose()
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, Failure> {
    let range = if name == "consumer_id" { "" } else { " from 0" };
    whole(value).ok_or_else(|| {
        let text = format!("{name}: {value:?} was given, a whole number{range} was expected");
        Failure::bad_request(text)
    })
}

/// Undoes `+` and `%20`.
fn decode(text: &str) -> Result<Cow<'_, str>, Failure> {
    // Nearly every text is what it says.
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Ok(text.into());
    }
    let spaced = text.replace('+', " ");
    let decoded = unescape(&spaced).map(|text| text.into_owned().into());
    decoded.ok_or_else(|| {
        Failure::bad_request(format!("query: {text:?} is not percent-encoded UTF-8"))
    })
}

/// Undoes `%20`.
fn unescape(text: &str) -> Option<Cow<'_, str>> {
    // What is not an escape would pass for plain text.
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let is_encoded = text.split('%').skip(1).all(is_escape);
    percent_decode_str(text).decode_utf8().ok().filter(|_| is_encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        let check = |text, decoded| assert_eq!(decode(text).unwrap(), decoded);
        check("T1", "T1");
        check("a+b%20c%2B", "a b c+");
        check("%c3%A9", "é");
        for wrong in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert!(decode(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
