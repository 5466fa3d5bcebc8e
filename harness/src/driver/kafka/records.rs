//! Records as a log has them: batches of the second format, which all brokers since Kafka 0.11 have
//! (<https://kafka.apache.org/documentation/#recordbatch>). They are not compressed, because the
//! producers of a run compress nothing.

use std::collections::VecDeque;

use super::wire::Reader;
use crate::driver::marks::MARK;
use crate::history::Offset;

/// A message of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) offset: Offset,
    /// What its header says of who it is.
    pub(super) mark: Option<String>,
    pub(super) payload: String,
}

/// What is wrong with what was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The topic's configuration has the broker compress, which nothing here undoes.
    Compressed,
    /// It is of the format before, or none at all.
    NotUnderstood,
}

/// Where a batch's own length is counted from, and what stands before the format's number.
const BEFORE_LENGTH_ENDS: usize = 12;

/// The one format that is read.
const FORMAT: i8 = 2;

const COMPRESSION: i16 = 0b111;
const CONTROL: i16 = 0b10_0000;

/// Adds the records from an offset on, and says where the next ones begin. A batch at the end may be
/// cut short, and comes again; one at the beginning may begin before the offset.
pub(super) fn read(
    mut bytes: &[u8],
    from: Offset,
    records: &mut VecDeque<Record>,
) -> Result<Offset, Bad> {
    let mut next = from;
    while let Some(batch) = split(&mut bytes) {
        next = next.max(read_batch(batch, from, records)?);
    }
    Ok(next)
}

/// Takes off a whole batch.
fn split<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut reader = Reader(bytes);
    reader.take(8)?;
    let length = usize::try_from(reader.i32()?).ok()?;
    let (batch, rest) = bytes.split_at_checked(BEFORE_LENGTH_ENDS + length)?;
    *bytes = rest;
    Some(batch)
}

fn read_batch(batch: &[u8], from: Offset, records: &mut VecDeque<Record>) -> Result<Offset, Bad> {
    let mut reader = Reader(batch);
    let head = head(&mut reader).ok_or(Bad::NotUnderstood)?;
    if head.attributes & COMPRESSION != 0 {
        return Err(Bad::Compressed);
    }
    // Marks of transactions are no messages.
    let count = if head.attributes & CONTROL == 0 { head.count } else { 0 };
    for _ in 0..count {
        let record = record(&mut reader, head.base).ok_or(Bad::NotUnderstood)?;
        if record.offset >= from {
            records.push_back(record);
        }
    }
    Ok(head.end)
}

struct Head {
    base: i64,
    attributes: i16,
    /// What comes after its last record.
    end: Offset,
    count: i32,
}

fn head(reader: &mut Reader<'_>) -> Option<Head> {
    let base = reader.i64()?;
    let (_length, _leader_epoch) = (reader.i32()?, reader.i32()?);
    if reader.i8()? != FORMAT {
        return None;
    }
    let (_checksum, attributes) = (reader.i32()?, reader.i16()?);
    let last = i64::from(reader.i32()?);
    let (_first_time, _last_time) = (reader.i64()?, reader.i64()?);
    let (_producer, _epoch, _sequence) = (reader.i64()?, reader.i16()?, reader.i32()?);
    let end = base.checked_add(last)?.checked_add(1)?.try_into().ok()?;
    Some(Head { base, attributes, end, count: reader.i32()? })
}

fn record(reader: &mut Reader<'_>, base: i64) -> Option<Record> {
    let mut record = Reader(reader.varbytes()??);
    let (_attributes, _time) = (record.i8()?, record.varint()?);
    let offset = base.checked_add(record.varint()?)?.try_into().ok()?;
    let _key = record.varbytes()?;
    let payload = record.varbytes()?.unwrap_or_default();
    let mut mark = None;
    for _ in 0..record.varint()? {
        let (name, value) = (record.varbytes()??, record.varbytes()?);
        if name == MARK.as_bytes() {
            mark = value.map(|value| String::from_utf8_lossy(value).into_owned());
        }
    }
    Some(Record { offset, mark, payload: String::from_utf8_lossy(payload).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::wire::Writer;
    use super::*;

    type Read<'a> = Result<(Offset, &'a [(Offset, &'a str)]), Bad>;

    /// Bytes with their length before them, in two bytes.
    fn sized(bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[0x80 | length << 1, length >> 6], bytes].concat()
    }

    /// One that says who it is, as a producer writes it.
    fn record(delta: u8, mark: &str, payload: &str) -> Vec<u8> {
        let (payload, name) = (sized(payload.as_bytes()), sized(MARK.as_bytes()));
        let mark = sized(mark.as_bytes());
        sized(&[&[0, 0, 2 * delta, 1], &payload[..], &[2], &name, &mark].concat())
    }

    fn batch(base: i64, attributes: i16, records: &[Vec<u8>]) -> Vec<u8> {
        let last = i32::try_from(records.len()).unwrap() - 1;
        let inner = Writer::default().i32(0).i8(FORMAT).i32(0).i16(attributes).i32(last);
        let inner = inner.i64(0).i64(0).i64(-1).i16(-1).i32(-1).i32(last + 1);
        let inner = [inner.0, records.concat()].concat();
        [Writer::default().i64(base).0, Writer::default().bytes(&inner).0].concat()
    }

    fn check(bytes: &[u8], from: Offset, expected: Read<'_>) {
        let mut records = VecDeque::new();
        let read = read(bytes, from, &mut records);
        let seen: Vec<_> = records.iter().map(|own| (own.offset, own.payload.as_str())).collect();
        match expected {
            Ok((next, expected)) => assert_eq!((read, &seen[..]), (Ok(next), expected)),
            Err(bad) => assert_eq!(read, Err(bad)),
        }
        let marks = records.iter().all(|own| own.mark.as_deref() == Some("r P1#1"));
        assert!(marks, "{records:?}");
    }

    #[test]
    fn records_are_read_from_an_offset_on_and_a_batch_that_is_cut_short_comes_again() {
        let first = batch(5, 0, &[record(0, "r P1#1", "a"), record(1, "r P1#1", "Ж\0")]);
        let second = batch(7, 0, &[record(0, "r P1#1", "")]);
        let both = [first.clone(), second].concat();
        check(&both, 5, Ok((8, &[(5, "a"), (6, "Ж\0"), (7, "")])));
        check(&both, 6, Ok((8, &[(6, "Ж\0"), (7, "")])));
        for end in first.len()..both.len() {
            check(&both[..end], 6, Ok((7, &[(6, "Ж\0")])));
        }
        for end in 0..first.len() {
            check(&both[..end], 5, Ok((5, &[])));
        }
    }

    #[test]
    fn what_is_no_message_is_passed_over_and_what_cannot_be_read_is_named() {
        check(&batch(9, CONTROL, &[record(0, "r P1#1", "x")]), 9, Ok((10, &[])));
        check(&batch(9, 1, &[record(0, "r P1#1", "x")]), 9, Err(Bad::Compressed));
        let mut old = batch(9, 0, &[]);
        old[BEFORE_LENGTH_ENDS + 4] = 1;
        check(&old, 9, Err(Bad::NotUnderstood));
        let mut cut = batch(9, 0, &[record(0, "r P1#1", "x")]);
        let last = cut.len() - 1;
        cut[11] -= 1;
        check(&cut[..last], 9, Err(Bad::NotUnderstood));
    }
}
