//! What clap does not say of a command line that it refuses: where a value is from, and what the words
//! were probably meant for.

use std::env;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The same error of a command line, with a hint where there is one.
pub(super) fn hinted(mut error: clap::Error, command: &Command) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let hint = match error.kind() {
        ErrorKind::ArgumentConflict => of_conflict(text(ContextKind::InvalidSubcommand), command),
        ErrorKind::UnknownArgument => of_unknown(text(ContextKind::InvalidArg)),
        _ => of_value(text(ContextKind::InvalidArg), command),
    };
    if let Some(hint) = hint {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// Of a word behind flags, which clap takes for a command.
fn of_conflict(word: &str, command: &Command) -> Option<String> {
    let is_command = command.get_subcommands().any(|known| known.get_name() == word);
    match word {
        "" => None,
        _ if is_command => Some(format!(
            "flags of `{word}` stand behind it, and `broker {word} --help` lists them"
        )),
        _ => Some("there is no such command; a value with blanks is put in quotes".to_owned()),
    }
}

/// Of what looks like a flag.
fn of_unknown(flag: &str) -> Option<String> {
    let is_number = flag.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    is_number.then(|| "no value is negative".to_owned())
}

/// Of a value that was not typed: it is the environment's.
fn of_value(shown: &str, command: &Command) -> Option<String> {
    let flag = shown.split(' ').next().unwrap_or_default();
    let argument = command.get_arguments().find(|argument| {
        argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long))
    });
    let is_typed = env::args().skip(1).any(|word| word.split('=').next() == Some(flag));
    let variable = argument?.get_env().filter(|_| !is_typed)?;
    Some(format!("the value is that of the variable {}", variable.display()))
}
