//! What the protocol is made of: numbers in network order, texts and byte strings with their lengths
//! before them (<https://kafka.apache.org/protocol#protocol_types>).

/// Writes a request.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn i8(mut self, value: i8) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i16(mut self, value: i16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i32(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i64(mut self, value: i64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// A text of less than 32 kB: names are.
    pub(super) fn text(self, text: &str) -> Self {
        let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
        let mut written = self.i16(length);
        written.0.extend(&text.as_bytes()[..length.unsigned_abs().into()]);
        written
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        let mut written = self.i32(length);
        written.0.extend(bytes);
        written
    }
}

/// Reads an answer, or a part of one. Nothing comes of it where it is shorter than it says.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn i8(&mut self) -> Option<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// Nothing where it is null, which is a length of -1.
    pub(super) fn text(&mut self) -> Option<Option<&'a str>> {
        let Ok(length) = usize::try_from(self.i16()?) else { return Some(None) };
        std::str::from_utf8(self.take(length)?).ok().map(Some)
    }

    /// The same for bytes.
    pub(super) fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(self.i32()?) else { return Some(None) };
        self.take(length).map(Some)
    }

    /// How many elements follow; a null array has none.
    pub(super) fn count(&mut self) -> Option<usize> {
        self.i32().map(|count| usize::try_from(count).unwrap_or(0))
    }

    /// A number of seven bits a byte, the lowest first, and its sign in the lowest bit.
    pub(super) fn varint(&mut self) -> Option<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.i8()?.to_be_bytes()[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let magnitude = (value >> 1).cast_signed();
                return Some(magnitude ^ -((value & 1).cast_signed()));
            }
        }
        None
    }

    /// Bytes with a length of that kind.
    pub(super) fn varbytes(&mut self) -> Option<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(self.varint()?) else { return Some(None) };
        self.take(length).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let written =
            Writer::default().i8(-3).i16(-300).i32(70_000).i64(-1).text("T1").bytes(b"xyz");
        let mut reader = Reader(&written.0);
        assert_eq!((reader.i8(), reader.i16()), (Some(-3), Some(-300)));
        assert_eq!((reader.i32(), reader.i64()), (Some(70_000), Some(-1)));
        assert_eq!((reader.text(), reader.bytes()), (Some(Some("T1")), Some(Some(&b"xyz"[..]))));
        assert_eq!(reader.i8(), None, "that was all");
    }

    #[test]
    fn numbers_of_any_length_are_read() {
        let cases: [(&[u8], i64); 6] = [
            (&[0], 0),
            (&[1], -1),
            (&[2], 1),
            (&[0x7f], -64),
            (&[0x80, 0x01], 64),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MIN),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Reader(bytes).varint(), Some(expected), "{bytes:?}");
        }
        assert_eq!(Reader(&[0x80]).varint(), None, "it goes on");
        assert_eq!(Reader(&[0xff; 11]).varint(), None, "it has no end");
    }

    #[test]
    fn what_is_null_or_cut_short_is_no_text() {
        assert_eq!(Reader(&[0xff, 0xff]).text(), Some(None));
        assert_eq!(Reader(&[0, 5, b'a']).text(), None);
        assert_eq!(Reader(&[0xff, 0xff, 0xff, 0xff]).bytes(), Some(None));
        assert_eq!(Reader(&[1]).varbytes(), Some(None));
    }
}
