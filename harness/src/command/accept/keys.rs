//! Single keys from a terminal, as they are pressed.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// A terminal that hands out each key at once and shows none; it is again as it was when this is
/// dropped.
pub(super) struct SingleKeys<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> SingleKeys<'a> {
    /// From now on.
    ///
    /// # Errors
    /// It is no terminal.
    pub(super) fn new(terminal: &'a impl AsFd) -> io::Result<Self> {
        let terminal = terminal.as_fd();
        let before = tcgetattr(terminal)?;
        let mut single = before.clone();
        // Ctrl-C is a key, too: as a signal it would end the program with the terminal left so.
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        single.special_codes[SpecialCodeIndex::VMIN] = 1;
        single.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Drain, &single)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for SingleKeys<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Drain, &self.before);
    }
}

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Letter(char),
    CtrlC,
    /// Ctrl-D, or nothing more will come.
    End,
}

/// Where in what one key sends a byte is: an arrow key sends `ESC [ A`, which is no `A`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    AfterEscape,
    InSequence,
}

/// Waits for the next key that has a meaning here; all others are passed over.
pub(super) fn next(input: &mut dyn Read) -> io::Result<Key> {
    let mut place = Place::Between;
    loop {
        let mut byte = [0];
        match input.read(&mut byte) {
            Ok(0) => return Ok(Key::End),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let [byte] = byte;
        place = match (place, byte) {
            (_, 0x1b) => Place::AfterEscape,
            (_, 0x03) => return Ok(Key::CtrlC),
            (_, 0x04) => return Ok(Key::End),
            (Place::InSequence, b'@'..=b'~') => Place::Between,
            (Place::InSequence, _) | (Place::AfterEscape, b'[' | b'O') => Place::InSequence,
            (_, b'a'..=b'z' | b'A'..=b'Z') => return Ok(Key::Letter(char::from(byte))),
            _ => Place::Between,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, next};

    #[test]
    fn letters_count_and_what_other_keys_send_does_not() {
        // Up, F1, Home, page up, a lone escape, an umlaut, Enter.
        let mut input = "\x1b[Aa\x1bOPb\x1b[1~\x1b[5~c\x1bd\u{e4}\ne".as_bytes();
        for letter in ['a', 'b', 'c', 'd', 'e'] {
            assert_eq!(next(&mut input).unwrap(), Key::Letter(letter));
        }
        assert_eq!(next(&mut input).unwrap(), Key::End);
        assert_eq!(next(&mut "\x1b[\x03".as_bytes()).unwrap(), Key::CtrlC);
        assert_eq!(next(&mut "\x04a".as_bytes()).unwrap(), Key::End);
    }
}
