//! Passwords in text that is about to be shown: URLs of databases are typed in the wrong places.

use std::ops::Range;

/// What stands in place of a password.
const MASK: &str = "***";

/// Characters that end a URL in a command line, a scenario or a message.
const ENDS: &str = "\"'`<>";

/// Schemes whose URLs have a token in place of a name without a password: those of NATS. Of our broker no
/// URL has one, and whoever writes one means a token.
const TOKENS: [&str; 4] = ["nats", "nats+tls", "http", "https"];

/// The text with `***` in place of the password of every URL in it.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut shown = text.to_owned();
    for password in passwords(text).into_iter().rev() {
        shown.replace_range(password, MASK);
    }
    shown
}

/// Where the passwords of URLs are, in bytes: what follows the first `:` of a login; or a token.
fn passwords(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, scheme) in text.match_indices("://") {
        let start = at + scheme.len();
        if found.last().is_some_and(|before: &Range<usize>| before.end > start) {
            continue;
        }
        let ends = |c: char| c.is_whitespace() || ENDS.contains(c);
        let url = &text[start..];
        let url = &url[..url.find(ends).unwrap_or(url.len())];
        let Some(login) = url.rfind('@') else { continue };
        if let Some(colon) = url[..login].find(':') {
            found.push(start + colon + 1..start + login);
        } else if TOKENS.iter().any(|scheme| text[..at].ends_with(scheme)) {
            found.push(start..start + login);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_of_a_url_is_masked() {
        let check = |text: &str, shown: &str| assert_eq!(masked(text), shown);
        check("`mysql://u:secret@h:3306/x`", "`mysql://u:***@h:3306/x`");
        check("mysql://u:se:c@r/e?t@h", "mysql://u:***@h");
        check("a://u:p@h and 'b://v:q@i'", "a://u:***@h and 'b://v:***@i'");
        check("mysql://u:p://x@h", "mysql://u:***@h");
        check("mysql://ü:ß@h", "mysql://ü:***@h");
        check("nats://token@h", "nats://***@h");
        check("http://token@h:1", "http://***@h:1");
        check("nats+tls://u:p@h", "nats+tls://u:***@h");
        for plain in ["", "memory", "http://127.0.0.1:5000", "mysql://u@h:3306/x", "a:b@c"] {
            check(plain, plain);
        }
    }
}
