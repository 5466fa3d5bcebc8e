//! Chance for what nobody is to guess, and for names that no two have.

use std::fs;
use std::io::{self, Read};

/// So many bytes make a password.
pub(crate) const PASSWORD: usize = 12;

/// So many bytes of chance as letters and digits: no character that a URL or a statement would have to
/// escape.
pub(crate) fn random_digits(bytes: usize) -> io::Result<String> {
    let mut bytes = vec![0; bytes];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ() {
        let passwords = [random_digits(12).unwrap(), random_digits(12).unwrap()];
        assert_eq!(passwords[0].len(), 24);
        assert_ne!(passwords[0], passwords[1]);
    }
}
