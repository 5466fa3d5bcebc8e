//! Whole numbers that stand in texts: digits, behind a minus if they are negative.

use std::str::FromStr;

/// The number, if the text is one. Rust by itself takes `+0` and `-0` too, so that one id would have
/// several names.
pub(super) fn whole<T: FromStr>(text: &str) -> Option<T> {
    let is_zero = |digits: &str| digits.bytes().all(|digit| digit == b'0');
    if text.starts_with('+') || text.strip_prefix('-').is_some_and(is_zero) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_numbers_and_a_sign_is_one_only_where_it_says_something() {
        let check = |text, number: Option<i64>| assert_eq!(whole(text), number, "{text:?}");
        check("0", Some(0));
        check("17", Some(17));
        check("-1", Some(-1));
        check("9223372036854775807", Some(i64::MAX));
        check("9223372036854775808", None);
        for text in ["+0", "-0", "+17", "-00", "", "-", "+", " 1", "1 ", "0x1", "1e2"] {
            check(text, None);
        }
    }
}
