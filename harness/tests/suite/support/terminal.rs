//! A terminal of a test's own, for what the harness only does on one.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::wait_for;

/// Both its ends.
pub(crate) struct Terminal {
    person: File,
    program: OwnedFd,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    /// One with so many columns.
    pub(crate) fn new(columns: u16) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let program = open(name, flags, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&program, size).unwrap();
        let person = File::from(person);
        let shown: Arc<Mutex<String>> = Arc::default();
        let (mut screen, kept) = (person.try_clone().unwrap(), Arc::clone(&shown));
        // It ends when no program has the other end any more.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                kept.lock().unwrap().push_str(&text);
            }
        });
        Self { person, program, shown }
    }

    /// The program's end.
    pub(crate) fn end(&self) -> Stdio {
        Stdio::from(self.program.try_clone().unwrap())
    }

    /// Presses keys.
    pub(crate) fn press(&self, keys: &str) {
        (&self.person).write_all(keys.as_bytes()).unwrap();
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Waits until this was shown so many times.
    pub(crate) fn wait_for(&self, text: &str, times: usize) {
        wait_for(text, || (self.shown().matches(text).count() >= times).then_some(()));
    }

    /// The lines that were drawn, without colours and movements of the cursor.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut plain = String::new();
        let shown = self.shown();
        let mut letters = shown.chars();
        while let Some(letter) = letters.next() {
            if letter == '\u{1b}' {
                let is_end = |letter: char| letter.is_ascii_alphabetic();
                while letters.next().is_some_and(|letter| !is_end(letter)) {}
                continue;
            }
            plain.push(if letter == '\r' { '\n' } else { letter });
        }
        plain.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}
