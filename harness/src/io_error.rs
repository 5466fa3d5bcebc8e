//! Why the operating system refused, in the style of all our errors: lower case, and without the
//! number that Rust adds.

use std::io;

/// `no such file or directory`, not `No such file or directory (os error 2)`.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut letters = text[..end].chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_capitals_nor_numbers_come_through() {
        let check = |code, text| assert_eq!(reason(&io::Error::from_raw_os_error(code)), text);
        check(2, "no such file or directory");
        check(13, "permission denied");
        assert_eq!(reason(&io::Error::other("")), "");
    }
}
