//! Payloads in a ledger: their digest, and how they are shown.

use std::fmt::Write;

use crate::fnv::Fnv;

/// Of a longer payload only the beginning is shown, in characters; the digest covers all of it.
const SHOWN_CHARACTERS: usize = 256;

/// Goes on with one payload: its length in bytes (`u32`, little-endian) and its bytes.
pub(super) fn add(digest: &mut Fnv, payload: &str) {
    let length = u32::try_from(payload.len()).expect("loading bounds a payload by u32::MAX");
    digest.add(&length.to_le_bytes());
    digest.add(payload.as_bytes());
}

/// Adds a payload so that no two look the same: bare where it is printable ASCII without blanks,
/// quotes and backslashes, else quoted with everything escaped that is not plainly visible.
pub(super) fn show(payload: &str, text: &mut String) {
    let bare = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    let cut = payload.char_indices().nth(SHOWN_CHARACTERS).map(|(place, _)| place);
    if cut.is_none() && !payload.is_empty() && payload.chars().all(bare) {
        text.push_str(payload);
        return;
    }
    text.push('"');
    for c in payload[..cut.unwrap_or(payload.len())].chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            ' '..='~' => text.push(c),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Letters of every script; marks that combine and blanks that do not show are escaped.
            c if c.is_alphabetic() => text.push(c),
            c => {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    text.push('"');
    if cut.is_some() {
        let _ = write!(text, "..({} bytes)", payload.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_over_length_and_bytes() {
        let mut framed = Fnv::default();
        framed.add(&[2, 0, 0, 0, b'a', b'b']);
        let mut added = Fnv::default();
        add(&mut added, "ab");
        assert_eq!(added.finish(), framed.finish());
    }

    #[test]
    fn the_digest_sees_where_one_payload_ends() {
        let of = |payloads: &[&str]| {
            let mut digest = Fnv::default();
            payloads.iter().for_each(|payload| add(&mut digest, payload));
            digest.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&[""]), of(&[]));
    }

    fn check(payload: &str, expected: &str) {
        let mut text = String::new();
        show(payload, &mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn plain_payloads_are_bare_and_others_escaped() {
        check("P1_MSG1", "P1_MSG1");
        check("", "\"\"");
        check("a b", "\"a b\"");
        check("\"a\"", "\"\\\"a\\\"\"");
        check("a\\n", "\"a\\\\n\"");
        check("a\nb\r\t", "\"a\\nb\\r\\t\"");
        check("naïve", "\"naïve\"");
        check("nai\u{308}ve\u{200b}\u{7f}", "\"nai\\u{308}ve\\u{200b}\\u{7f}\"");
        check(&"x".repeat(256), &"x".repeat(256));
        check(&"é".repeat(257), &format!("\"{}\"..(514 bytes)", "é".repeat(256)));
    }
}
