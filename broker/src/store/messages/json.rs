//! Pieces of JSON.

/// A whole number in decimal digits.
pub(crate) fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A JSON string.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

/// What stands between the quotes of a JSON string.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    // Without an early exit, so that it is compiled to vector instructions.
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |found, byte| found | special(byte)) {
        let quoted = serde_json::to_vec(text).expect("a string can be written to memory");
        out.extend_from_slice(&quoted[1..quoted.len() - 1]);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}
