//! Reads a produce of the plain kind, several times faster than serde does.
//!
//! It gives up at anything else: a backslash or a control character anywhere, a null, an id in
//! quotes, an unknown key, a key twice, a list that is too long, a broken body. The caller then
//! lets serde read the whole body from its beginning, and serde alone says what is wrong with one.

use std::borrow::Cow;

use memchr::memchr;

use super::raw::{Batch, Fields};
use super::values::{Id, Text};

/// What is looked through at once for what is not read here.
const PIECE: usize = 16 * 1024;

/// The fields of `body`, with at most `most` messages; `None`: it is for serde to read.
pub(super) fn read(body: &[u8], most: usize) -> Read<Fields<'_>> {
    // Without an early exit within a piece, so that it is compiled to vector instructions.
    let is_special = |any, &byte: &u8| any | (byte < b' ') | (byte == b'\\');
    if body.chunks(PIECE).any(|piece| piece.iter().fold(false, is_special)) {
        return None;
    }
    // So that every text is what stands between two quotes.
    let mut reader = Reader { body: str::from_utf8(body).ok()?, at: 0 };
    let fields = reader.fields(most)?;
    reader.blank();
    (reader.at == body.len()).then_some(fields)
}

struct Reader<'a> {
    body: &'a str,
    at: usize,
}

/// `None`: give up.
type Read<T> = Option<T>;

impl<'a> Reader<'a> {
    fn fields(&mut self, most: usize) -> Read<Fields<'a>> {
        let (mut topic, mut producer_id, mut message) = (None, None, None);
        let (mut messages, mut sequence, mut epoch) = (None, None, None);
        self.word(b'{')?;
        loop {
            let key = self.text()?;
            self.word(b':')?;
            match key {
                "topic" => once(&mut topic, Text(Cow::Borrowed(self.text()?)))?,
                "producer_id" => once(&mut producer_id, Id(i64::try_from(self.number()?).ok()?))?,
                "message" => once(&mut message, Text(Cow::Borrowed(self.text()?)))?,
                "messages" => once(&mut messages, self.list(most)?)?,
                "sequence" => once(&mut sequence, self.number()?)?,
                "epoch" => once(&mut epoch, Text(Cow::Borrowed(self.text()?)))?,
                _ => return None,
            }
            if !self.skip(b',') {
                break;
            }
        }
        self.word(b'}')?;
        let (topic, producer_id) = (topic?, producer_id?);
        Some(Fields { topic, producer_id, message, messages, sequence, epoch })
    }

    /// A list of at least one text.
    fn list(&mut self, most: usize) -> Read<Batch<'a>> {
        self.word(b'[')?;
        let first = self.text()?;
        // Mostly all are about as long; each has two quotes and a comma.
        let rest = (self.body.len() - self.at) / (first.len() + 3);
        let mut kept = Vec::with_capacity(most.min(rest + 1));
        kept.push(Cow::Borrowed(first));
        while self.skip(b',') {
            // It must not grow past its limit, not even to be refused.
            if kept.len() == most {
                return None;
            }
            kept.push(Cow::Borrowed(self.text()?));
        }
        self.word(b']')?;
        Some(Batch { count: kept.len(), kept })
    }

    fn text(&mut self) -> Read<&'a str> {
        self.word(b'"')?;
        let rest = &self.body[self.at..];
        let text = &rest[..memchr(b'"', rest.as_bytes())?];
        self.at += text.len() + 1;
        Some(text)
    }

    /// Digits, without a leading zero, and what follows is neither a fraction nor an exponent.
    fn number(&mut self) -> Read<u64> {
        self.blank();
        let rest = &self.body[self.at..];
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &rest[..length];
        self.at += length;
        if length > 1 && digits.starts_with('0') { None } else { digits.parse().ok() }
    }

    fn word(&mut self, byte: u8) -> Read<()> {
        self.skip(byte).then_some(())
    }

    /// Whether this byte comes next, after blanks; if so, it is passed.
    #[inline]
    fn skip(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.body.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    /// Of what JSON takes for blank, the body has nothing but spaces.
    #[inline]
    fn blank(&mut self) {
        while self.body.as_bytes().get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Read<()> {
    field.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::raw::RawProduce;
    use super::*;

    const MOST: usize = 4;

    /// Whether it is read here; if so, serde must come to the same result.
    fn is_read(body: &[u8]) -> bool {
        let shown = String::from_utf8_lossy(body);
        let Some(fast) = read(body, MOST) else { return false };
        let slow = parse(body, RawProduce { most: MOST });
        let slow = slow.unwrap_or_else(|why| panic!("{shown}: {why:?}"));
        assert_eq!(fast, slow, "{shown}");
        true
    }

    #[test]
    fn the_plain_kind_is_read_here_and_all_else_is_left_to_serde() {
        let check = |body: &str, expected| assert_eq!(is_read(body.as_bytes()), expected, "{body}");
        check(r#"{"topic":"T","producer_id":0,"message":"a"}"#, true);
        check(r#"{"topic":"T","producer_id":0,"messages":["a","","é🦀 {}[]:,"]}"#, true);
        check(r#" { "messages" : [ "a" , "b" ] , "topic" : "T" , "producer_id" : 12 } "#, true);
        check(r#"{"topic":"","producer_id":1,"message":"","sequence":7,"epoch":"e"}"#, true);
        check(r#"{"topic":"T","producer_id":1,"sequence":18446744073709551615}"#, true);
        check(r#"{"topic":"T","producer_id":1,"message":"a","messages":["b"]}"#, true);
        check(r#"{"topic":"T","producer_id":1,"sequence":18446744073709551616}"#, false);
        check(r#"{"topic":"T","producer_id":9223372036854775808,"message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":-1,"message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":01,"message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":1.0,"message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":1e2,"message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":,"message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":"0","message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":0,"message":"a\n"}"#, false);
        check("{\"topic\":\"T\",\"producer_id\":0,\"message\":\"a\n\"}", false);
        check("{\"topic\":\"T\",\n\"producer_id\":0,\"message\":\"a\"}", false);
        check(r#"{"topic":"T","producer_id":0,"message":null}"#, false);
        check(r#"{"topic":"T","producer_id":0,"messages":[]}"#, false);
        check(r#"{"topic":"T","producer_id":0,"messages":["a",]}"#, false);
        check(r#"{"topic":"T","producer_id":0,"messages":["1","2","3","4","5"]}"#, false);
        check(r#"{"topic":"T","producer_id":0,"message":"a","message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":0,"message":"a","other":1}"#, false);
        check(r#"{"topic":"T","producer_id":0,"message":"a",}"#, false);
        check(r#"{"topic":"T","message":"a"}"#, false);
        check(r#"{"topic":"T","producer_id":0,"message":"a"}}"#, false);
        check(r#"["T",0,"a"]"#, false);
        check("{}", false);
    }

    #[test]
    fn a_body_cut_or_spoilt_anywhere_is_left_to_serde_or_read_as_serde_reads_it() {
        const NOISE: &[u8; 17] = b"\"\\{}[]:,0-. \n\xffae1";
        let whole = r#"{"topic":"T1","producer_id":10, "messages":["a","é","seventeen letters"],"sequence":120,"epoch":"0e"}"#.as_bytes();
        assert!(is_read(whole));
        let mut read_ones = 0;
        for at in 0..whole.len() {
            assert!(!is_read(&whole[..at]));
            for &noise in NOISE {
                let changed = [&whole[..at], &[noise], &whole[at + 1..]].concat();
                let grown = [&whole[..at], &[noise], &whole[at..]].concat();
                read_ones += usize::from(is_read(&changed)) + usize::from(is_read(&grown));
            }
        }
        // Each way is gone often.
        let all = whole.len() * NOISE.len() * 2;
        assert!((all / 10..all * 9 / 10).contains(&read_ones), "{read_ones} of {all}");
    }
}
