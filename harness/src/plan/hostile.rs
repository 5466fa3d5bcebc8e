//! Payloads that go wrong where somebody trims, splits, escapes or decodes them without care. All are
//! text in UTF-8, and most end in letters by chance, so that they differ.

use rand_pcg::rand_core::Rng;

use crate::chance;

/// What a payload begins with and what it ends with; messages take turns in them.
const ENDS: [(&str, &str); 24] = [
    (" ", " "),
    ("\t", "\t"),
    ("\n", "\n"),
    ("\r\n", "\r\n"),
    ("\"", "\""),
    ("'", "'"),
    ("\\", "\\"),
    ("\\u0000", "\\n"),
    ("\0", "\0"),
    ("\u{1}\u{1b}[31m", "\u{7f}"),
    ("\u{8}", "\u{b}\u{c}"),
    // Outside the plane of 16 bits.
    ("\u{1f980}", "\u{10ffff}"),
    ("\u{1d11e}", "\u{20000}"),
    // What a driver puts in front of a payload where the broker does not say who sent it.
    ("P1#1:", ""),
    ("P1#1:P2#2:", ""),
    ("{\"topic\":", "}"),
    ("[", "]"),
    ("%00+", "&a=%20"),
    ("<![CDATA[", "]]>"),
    // Blanks that are not ASCII, a mark of byte order, ends of lines that few know.
    ("\u{a0}", "\u{3000}"),
    ("\u{feff}", "\u{200b}"),
    ("\u{85}", "\u{2028}"),
    // One letter in two ways, and a mark that changes the direction.
    ("e\u{301}", "\u{e9}"),
    ("\u{202e}", "\u{fffd}"),
];

/// Appends a payload of so many bytes, the one whose turn it is. Where its ends do not fit, as many of
/// their characters stand there as do.
pub(super) fn payload(chance: &mut impl Rng, len: u32, turn: u32, to: &mut String) {
    let len = len as usize;
    let (front, back) = ENDS[turn as usize % ENDS.len()];
    let front = shortened(front, len);
    let back = shortened(back, len - front.len());
    to.push_str(front);
    let letters = len - front.len() - back.len();
    chance::text(chance, u32::try_from(letters).expect("it is at most `len`"), to);
    to.push_str(back);
}

fn shortened(text: &str, len: usize) -> &str {
    &text[..text.floor_char_boundary(len)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Purpose, generator};

    #[test]
    fn payloads_have_their_size_and_both_of_their_ends() {
        let mut chance = generator(1, Purpose::Payloads, 1);
        for len in 1..40 {
            for turn in 0..48 {
                let mut text = String::new();
                payload(&mut chance, len, turn, &mut text);
                assert_eq!(text.len(), len as usize, "{text:?}");
                let (front, back) = ENDS[turn as usize % ENDS.len()];
                let fits = front.len() + back.len() <= text.len();
                assert!(!fits || text.starts_with(front) && text.ends_with(back), "{text:?}");
            }
        }
    }
}
