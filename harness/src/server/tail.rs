//! The last lines of a stream of bytes, in bounded space.

use std::collections::VecDeque;

const BYTES_MAX: usize = 16 * 1024;

const LINES_MAX: usize = 20;

/// The last bytes that a child wrote.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    /// Whether older bytes were dropped, so that the first line may lack its beginning.
    cut: bool,
    /// The text that is looked for, and whether it has come.
    wanted: Option<(String, bool)>,
}

impl Tail {
    /// Adds bytes and drops the oldest past the bound.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.look();
        if self.bytes.len() > BYTES_MAX {
            self.bytes.drain(..self.bytes.len() - BYTES_MAX);
            self.cut = true;
        }
    }

    /// Whether this text, which is part of a line, has come, however long ago: from the first call
    /// on it is looked for, and before that in what is kept.
    pub(super) fn has(&mut self, text: &str) -> bool {
        if self.wanted.as_ref().is_none_or(|(wanted, _)| wanted != text) {
            self.wanted = Some((text.to_owned(), false));
            self.look();
        }
        self.wanted.as_ref().is_some_and(|(_, has_come)| *has_come)
    }

    fn look(&mut self) {
        if let Some((wanted, has_come @ false)) = &mut self.wanted {
            let bytes = self.bytes.make_contiguous();
            *has_come = bytes.windows(wanted.len()).any(|part| part == wanted.as_bytes());
        }
    }

    /// The last lines, without ends of line and blank lines; what is not UTF-8 is replaced.
    pub(super) fn lines(&self) -> Vec<String> {
        let (front, back) = self.bytes.as_slices();
        let bytes = [front, back].concat();
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.lines().skip(usize::from(self.cut));
        let mut lines: Vec<&str> = whole.filter(|line| !line.trim().is_empty()).collect();
        lines.drain(..lines.len().saturating_sub(LINES_MAX));
        lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, LINES_MAX, Tail};

    #[test]
    fn lines_come_back_whole_however_they_were_cut() {
        let mut tail = Tail::default();
        for part in ["one\ntw", "o\r\n", "\n  \nthr", "ee"] {
            tail.push(part.as_bytes());
        }
        assert_eq!(tail.lines(), ["one", "two", "three"]);
    }

    #[test]
    fn a_text_that_came_is_remembered() {
        let mut tail = Tail::default();
        tail.push(b"not re");
        assert!(!tail.has("ready"));
        tail.push(b"ady yet\n");
        tail.push(&[b'x'; 2 * BYTES_MAX]);
        assert!(tail.has("ready"));
        assert!(!tail.has("not ready"), "gone before it was asked for");
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let mut tail = Tail::default();
        for line in 0..LINES_MAX + 5 {
            tail.push(format!("line {line}\n").as_bytes());
        }
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines[0], "line 5");
    }

    #[test]
    fn space_is_bounded_and_a_line_without_its_beginning_is_left_out() {
        let mut tail = Tail::default();
        for _ in 0..10 {
            tail.push(&[b'x'; BYTES_MAX / 4]);
        }
        tail.push(b"\nlast\n");
        assert!(tail.bytes.len() <= BYTES_MAX);
        assert_eq!(tail.lines(), ["last"]);
    }
}
