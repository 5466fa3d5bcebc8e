//! `out/latest`: a link to the folder of the last run, which is what `harness explain` looks at unless it
//! is told otherwise.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::streams;
use crate::exit::Exit;
use crate::io_error;
use crate::report::Entry;

/// What the link is called, in the folder of all runs.
pub(super) const LATEST: &str = "latest";

/// Has it lead to the last run of a call that did not pass, or else to the last one.
pub(super) fn point(out: &Path, entries: &[Entry]) {
    let folder = |entry: &Entry| Some(entry.logs.as_ref()?.strip_prefix(out).ok()?.to_owned());
    let failed = |entry: &&Entry| entry.exit() != Exit::Passed;
    let last_failed = entries.iter().rev().filter(failed).find_map(folder);
    let Some(target) = last_failed.or_else(|| entries.iter().rev().find_map(folder)) else {
        return;
    };
    if let Err(error) = replace(out, &target) {
        let (link, why) = (out.join(LATEST), io_error::reason(&error));
        let run = out.join(&target);
        streams::tell(&format!(
            "note: {} cannot lead to this run: {why}; name it to `harness explain`: {}",
            link.display(),
            run.display()
        ));
    }
}

/// The folder that the link leads to, as people know it; any other path as it is.
pub(super) fn follow(path: &Path) -> PathBuf {
    let parent = path.parent().unwrap_or_else(|| Path::new(""));
    let target =
        fs::read_link(path).ok().filter(|_| path.file_name().is_some_and(|own| own == LATEST));
    target.map_or_else(|| path.to_owned(), |target| parent.join(target))
}

/// Replaces the link in one step, so that it is there at any time.
fn replace(out: &Path, target: &Path) -> io::Result<()> {
    let link = out.join(LATEST);
    if fs::symlink_metadata(&link).is_ok_and(|own| !own.is_symlink()) {
        return Err(io::Error::other("it is there, and no link"));
    }
    let new: PathBuf = out.join(format!(".{LATEST}-{}", std::process::id()));
    symlink(target, &new)?;
    fs::rename(&new, &link).inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::Error::other("there are no symbolic links here"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{LATEST, point};
    use crate::report::{Entry, Trouble};

    #[test]
    fn it_leads_to_the_last_run_that_did_not_pass() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path();
        let entry = |name: &str| Entry { logs: Some(out.join(name)), ..Entry::default() };
        let target = || fs::read_link(out.join(LATEST)).unwrap();
        let mut entries = vec![entry("a"), entry("b/run-3"), Entry::default()];
        point(out, &entries);
        assert_eq!(target(), Path::new("b/run-3"));
        // What is in no folder of its own is passed over, as is what passed.
        let passed = crate::check::Judgement {
            verdict: crate::check::Verdict::Pass,
            violations: Vec::new(),
            allowed: Vec::new(),
            inconclusive: Vec::new(),
        };
        entries[1].judgement = Some(passed);
        let exit = crate::exit::Exit::Failed;
        entries[0].trouble = Some(Trouble { exit, text: String::new() });
        point(out, &entries);
        assert_eq!(target(), PathBuf::from("a"));
        point(out, &[]);
        assert_eq!(target(), PathBuf::from("a"), "a call without runs leaves it");
        let left: Vec<_> = fs::read_dir(out).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
