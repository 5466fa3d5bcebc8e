//! Words of a command line that people can paste into a shell.

use std::borrow::Cow;

/// A word as a shell takes it literally.
#[must_use]
pub(crate) fn shell(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_every_word_literally() {
        assert_eq!(shell("scenarios/5p3c.yaml"), "scenarios/5p3c.yaml");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("my file"), "'my file'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell("$HOME"), "'$HOME'");
    }
}
