//! Links from the page to files that the run left: relative, so that a folder with both can be moved
//! or uploaded as a whole.

use std::path::{Component, Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What a segment of a path keeps as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How files are linked to from a page.
#[derive(Debug)]
pub(super) struct Links {
    /// The folder of the page; a page on the standard output has none.
    folder: Option<PathBuf>,
}

impl Links {
    /// From this page.
    pub(super) fn from(page: Option<&Path>) -> Self {
        let folder = page.and_then(|page| Some(plain(page)?.parent()?.to_owned()));
        Self { folder }
    }

    /// To a file or a folder; none where there is none, or where the page has no place.
    pub(super) fn to(&self, path: &Path) -> Option<String> {
        let folder = self.folder.as_ref()?;
        let target = plain(path).filter(|target| target.exists())?;
        let mut from = folder.components().peekable();
        let mut to = target.components().peekable();
        while from.peek().is_some() && from.peek() == to.peek() {
            from.next();
            to.next();
        }
        let up = from.map(|_| "..".to_owned());
        let down =
            to.map(|part| percent_encode(part.as_os_str().as_encoded_bytes(), KEPT).to_string());
        let parts: Vec<String> = up.chain(down).collect();
        Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
    }
}

/// The path from the root, without `.` and `..`, as a browser will read it.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).ok()?.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_the_page_to_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for made in ["a/b", "out/5p 3c#"] {
            std::fs::create_dir_all(at(made)).unwrap();
        }
        std::fs::write(at("out/5p 3c#/consumer_1.txt"), "").unwrap();
        let check = |page: &str, file: &str, expected: Option<&str>| {
            assert_eq!(Links::from(Some(&at(page))).to(&at(file)).as_deref(), expected, "{page}");
        };
        let log = "out/5p 3c#/consumer_1.txt";
        check("page.html", log, Some("out/5p%203c%23/consumer_1.txt"));
        check("out/page.html", log, Some("5p%203c%23/consumer_1.txt"));
        check("a/b/page.html", "a/../out/./5p 3c#", Some("../../out/5p%203c%23"));
        check("a/x/../page.html", "a", Some("."));
        check("page.html", "out/none", None);
        assert_eq!(Links::from(None).to(&at("out")), None, "the standard output is nowhere");
    }
}
