//! A file of tokens: lines of `name scopes sha256:HEX`, with comments behind `#`.

use super::table::{Hash, Holder, Scope, Table};
use crate::followed::File;

const LINE: &str = "expected `name scopes sha256:HEX`, the line that `broker token` prints";

/// What a line says.
type Line = Option<(Hash, Holder)>;

/// The tokens of a file. A file without any is refused: it is most likely being written just now.
pub(super) fn parse(files: &[File]) -> Result<Table, String> {
    let mut table = Table::new();
    let [File { path, bytes }] = files else { return Ok(table) };
    let path = path.display();
    let text = str::from_utf8(bytes).map_err(|_| format!("{path}: it is no UTF-8 text"))?;
    for (number, text) in (1..).zip(text.lines()) {
        let place = |why: String| format!("{path}:{number}: {why}");
        let Some((hash, holder)) = line(text).map_err(place)? else { continue };
        if let Some(other) = table.insert(hash, holder) {
            return Err(place(format!("this token is that of `{}` above", other.name)));
        }
    }
    if table.is_empty() {
        return Err(format!(
            "{path}: there is no token in it: `broker token --scope produce` makes one"
        ));
    }
    Ok(table)
}

/// What stands in place of a hash is never repeated: it may be a token, by mistake.
fn line(text: &str) -> Result<Line, String> {
    let text = text.split('#').next().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let [name, scopes, hash] = words[..] else {
        return if words.is_empty() { Ok(None) } else { Err(LINE.to_owned()) };
    };
    let name = check_name(name)?;
    let scopes = scopes.split(',').map(scope).collect::<Result<_, _>>()?;
    let digits = hash.strip_prefix("sha256:").ok_or(LINE)?;
    let hash = unhex(digits).ok_or("behind `sha256:` 64 hexadecimal digits are expected")?;
    Ok(Some((hash, Holder { name, scopes })))
}

/// A name is for logs and refusals.
pub(super) fn check_name(name: &str) -> Result<String, String> {
    let is_right = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=100).contains(&name.len()) && name.chars().all(is_right) {
        return Ok(name.to_owned());
    }
    Err("a name has 1 to 100 letters, digits, `-`, `_` and `.`".to_owned())
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::ALL
        .into_iter()
        .find(|scope| scope.word() == word)
        .ok_or_else(|| format!("there is no scope `{word}`: there are produce, consume and admin"))
}

fn unhex(digits: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if digits.len() != 2 * hash.len() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn table(text: &str) -> Result<Table, String> {
        parse(&[File { path: "tokens".into(), bytes: text.into() }])
    }

    #[test]
    fn a_file_has_a_line_for_each_token_and_comments() {
        let (one, other) = ("0a".repeat(32), "FF".repeat(32));
        let text = format!(
            "# ours\n\norders produce,consume sha256:{one} # until May\r\n\t ops admin sha256:{other}\n"
        );
        let mut shown = String::new();
        for (hash, Holder { name, scopes }) in table(&text).unwrap() {
            writeln!(shown, "{} {name} {scopes:?}", hash[0]).unwrap();
        }
        assert_eq!(shown, "10 orders [Produce, Consume]\n255 ops [Admin]\n");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_what_may_be_a_token() {
        let hash = format!("sha256:{}", "0a".repeat(32));
        let check = |text: &str, why: &str| {
            let said = table(text).err().expect(text);
            assert!(said.starts_with("tokens") && said.contains(why), "{text}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        };
        check("", "there is no token in it");
        check("# nothing\n", "`broker token --scope produce` makes one");
        check("\na produce", ":2: expected `name scopes sha256:HEX`");
        check("a produce s3cret", ":1: expected `name");
        check(&format!("a b produce {hash}"), ":1: expected `name");
        check("a produce sha256:s3cret", "64 hexadecimal digits are expected");
        check(&format!("a produce {hash}0"), "64 hexadecimal digits are expected");
        check(
            &format!("a prduce {hash}"),
            "no scope `prduce`: there are produce, consume and admin",
        );
        check(&format!("a produce, {hash}"), "no scope ``");
        check(&format!("a\u{1b} produce {hash}"), "a name has 1 to 100 letters");
        check(&format!("a admin {hash}\nb admin {hash}"), ":2: this token is that of `a` above");
        let broken = [File { path: "tokens".into(), bytes: vec![0xff] }];
        assert_eq!(parse(&broken).err().unwrap(), "tokens: it is no UTF-8 text");
    }
}
