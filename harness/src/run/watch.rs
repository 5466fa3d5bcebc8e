//! Lines about a run while it goes on, for people who asked to see more of it.

use std::sync::mpsc::{self, Receiver, Sender};

/// Where such lines go; by default nowhere. Nothing waits for a reader, so it changes no run.
#[derive(Clone, Debug, Default)]
pub struct Watch(Option<Sender<String>>);

impl Watch {
    /// A watch, and where its lines come out.
    pub fn new() -> (Self, Receiver<String>) {
        let (sender, receiver) = mpsc::channel();
        (Self(Some(sender)), receiver)
    }

    /// Says a line, which is made only where one is wanted.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(sender) = &self.0 {
            // A reader that is gone wants no more.
            let _ = sender.send(line());
        }
    }
}
