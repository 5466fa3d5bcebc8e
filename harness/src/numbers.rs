//! Numbers for people.

/// `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 producer`, `5 producers`, `2 deliveries`.
pub fn count(count: u64, noun: &str) -> String {
    let figures = number(count);
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("{figures} {noun}"),
        Some(stem) => format!("{figures} {stem}ies"),
        None => format!("{figures} {noun}s"),
    }
}

/// Whether there is nothing to write of a count.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        let all = [0, 999, 1_000, 12_345, 1_234_567].map(number);
        assert_eq!(all, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn nouns_agree_with_their_numbers() {
        let check = |number, noun, text| assert_eq!(count(number, noun), text);
        check(1, "topic", "1 topic");
        check(0, "topic", "0 topics");
        check(1, "delivery", "1 delivery");
        check(1200, "retry", "1,200 retries");
    }
}
