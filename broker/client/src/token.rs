//! A token: what a client shows to a broker that asks who it is. It is never printed.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use http::HeaderValue;
use memchr::memmem;

/// What stands in place of a token that a broker repeats.
const MASK: &[u8] = b"***";

/// A token. Neither `Debug` nor an error of this library shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(String);

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is made of letters, digits and -._~+/=, and there is something else in this one")]
pub struct BadToken;

impl Token {
    /// The value of the header `Authorization`.
    pub(crate) fn header(&self) -> HeaderValue {
        let value = HeaderValue::try_from(format!("Bearer {}", self.0));
        let mut value = value.expect("what a token is made of may stand in a header");
        value.set_sensitive(true);
        value
    }

    /// A body without the token in it: some servers repeat a request's head where they refuse it.
    pub(crate) fn masked(&self, body: Bytes) -> Bytes {
        let token = self.0.as_bytes();
        let mut shown = Vec::new();
        let mut rest = 0;
        for at in memmem::find_iter(&body, token) {
            shown.extend_from_slice(&body[rest..at]);
            shown.extend_from_slice(MASK);
            rest = at + token.len();
        }
        if rest == 0 {
            return body;
        }
        shown.extend_from_slice(&body[rest..]);
        shown.into()
    }
}

impl FromStr for Token {
    type Err = BadToken;

    /// Blanks and line ends around it are not part of it: it may come from a file.
    fn from_str(text: &str) -> Result<Self, BadToken> {
        let text = text.trim_ascii();
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let is_token = !text.is_empty() && text.bytes().all(is_right);
        if is_token { Ok(Self(text.to_owned())) } else { Err(BadToken) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_may_stand_in_a_header_and_is_not_shown() {
        let token: Token = " abc-._~+/=9\n".parse().unwrap();
        assert_eq!(token.header(), "Bearer abc-._~+/=9");
        assert_eq!(format!("{token:?} {:?}", token.header()), "Token(***) Sensitive");
        for wrong in ["", " ", "a b", "a\r\nb", "ü", "a\"b"] {
            let shown = wrong.parse::<Token>().unwrap_err().to_string();
            assert!(shown.starts_with("a token is made of"), "{shown}");
        }
    }

    #[test]
    fn a_token_that_is_repeated_is_masked() {
        let token: Token = "s3cret".parse().unwrap();
        let check = |body: &'static str, shown: &str| {
            assert_eq!(token.masked(Bytes::from_static(body.as_bytes())), shown);
        };
        check("", "");
        check("no such thing", "no such thing");
        check("Bearer s3cret, s3crets3cret.", "Bearer ***, ******.");
    }
}
