//! What is in a prepared data folder: a list that tells a whole one from a damaged one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder or file in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A folder, which comes before what is in it.
    Folder(PathBuf),
    /// A file.
    File {
        path: PathBuf,
        /// Of its bytes.
        digest: u64,
    },
}

/// All of them, by paths from the folder itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) entries: Vec<Entry>,
}

impl Contents {
    /// Lists a folder, and hands each entry, with the bytes of a file, to `copy`.
    ///
    /// # Errors
    /// Where it cannot be read, or holds what is neither a folder nor a file; where `copy` fails.
    pub(crate) fn copy(
        folder: &Path,
        mut copy: impl FnMut(&Entry, &[u8]) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut contents = Self::default();
        let mut folders = vec![PathBuf::new()];
        while let Some(inside) = folders.pop() {
            for found in fs::read_dir(folder.join(&inside))? {
                let found = found?;
                let (path, kind) = (inside.join(found.file_name()), found.file_type()?);
                if !is_plain(&path) || !(kind.is_dir() || kind.is_file()) {
                    return Err(io::ErrorKind::Unsupported.into());
                }
                let entry = if kind.is_dir() {
                    folders.push(path.clone());
                    let entry = Entry::Folder(path);
                    copy(&entry, &[])?;
                    entry
                } else {
                    let bytes = fs::read(found.path())?;
                    let entry = Entry::File { path, digest: digest(&bytes) };
                    copy(&entry, &bytes)?;
                    entry
                };
                contents.entries.push(entry);
            }
        }
        Ok(contents)
    }

    /// As text: what the folder was made of, an empty line, a line for each entry, and the digest of
    /// all these.
    pub(crate) fn text(&self, made_of: &str) -> String {
        let mut text = format!("{made_of}\n\n");
        for entry in &self.entries {
            text.push_str(&match entry {
                Entry::Folder(path) => format!("folder {}\n", path.display()),
                Entry::File { path, digest } => format!("{digest:016x} {}\n", path.display()),
            });
        }
        let sum = digest(text.as_bytes());
        text + &format!("{sum:016x}\n")
    }

    /// Reads that text; none where it is not whole, or the folder was made of something else.
    pub(crate) fn read(text: &str, made_of: &str) -> Option<Self> {
        // All but the last line, which is the digest of the lines before it.
        let (listed, sum) = text.split_at_checked(text.len().checked_sub(17)?)?;
        if sum != format!("{:016x}\n", digest(listed.as_bytes())) {
            return None;
        }
        let lines = listed.strip_prefix(made_of)?.strip_prefix("\n\n")?.lines();
        let entries = lines.map(|line| {
            let (what, path) = line.split_once(' ')?;
            let path = PathBuf::from(path);
            Some(match what {
                "folder" => Entry::Folder(path),
                digest => Entry::File { path, digest: u64::from_str_radix(digest, 16).ok()? },
            })
        });
        Some(Self { entries: entries.collect::<Option<_>>()? })
    }

    /// Makes the names of a copy durable.
    pub(crate) fn sync_folders(&self, copy: &Path) -> io::Result<()> {
        for entry in &self.entries {
            if let Entry::Folder(path) = entry {
                File::open(copy.join(path))?.sync_all()?;
            }
        }
        File::open(copy)?.sync_all()
    }
}

/// Whether a line can have it.
fn is_plain(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains(['\n', '\r']))
}

/// Finds damage, not malice. Most of a data folder is zeros, and a page of them is told at a glance.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    const PAGE: usize = 4096;
    const ZEROS: [u8; PAGE] = [0; PAGE];
    // The constants are those of FNV-1a, here over words of eight bytes.
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |word: u64| {
        digest = (digest ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        // Without it the upper bits of a word would never reach the lower bits of the digest.
        digest ^= digest >> 32;
    };
    for page in bytes.chunks(PAGE) {
        if *page == ZEROS {
            add(0);
            continue;
        }
        for word in page.chunks(8) {
            let mut whole = [0; 8];
            whole[..word.len()].copy_from_slice(word);
            add(u64::from_le_bytes(whole));
        }
    }
    add(bytes.len() as u64);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_not_whole_or_of_something_else_is_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a b")).unwrap();
        fs::write(folder.path().join("a b/file"), "text").unwrap();
        let contents = Contents::copy(folder.path(), |_, _| Ok(())).unwrap();
        let entries = [
            Entry::Folder("a b".into()),
            Entry::File { path: "a b/file".into(), digest: digest(b"text") },
        ];
        assert_eq!(contents.entries, entries);
        let text = contents.text("one\ntwo");
        assert_eq!(Contents::read(&text, "one\ntwo"), Some(contents));
        assert_eq!(Contents::read(&text, "one"), None);
        for length in 0..text.len() {
            assert_eq!(Contents::read(&text[..length], "one\ntwo"), None, "{length} bytes");
        }
        assert_eq!(Contents::read(&text.replace("file", "life"), "one\ntwo"), None);
    }

    #[test]
    fn what_is_neither_a_folder_nor_a_file_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        assert!(Contents::copy(folder.path(), |_, _| Ok(())).is_err());
    }

    #[test]
    fn each_byte_and_the_length_are_told_apart() {
        let bytes = vec![0; 10_000];
        let whole = digest(&bytes);
        for place in [0, 7, 8, 4095, 4096, 8191, 9999] {
            for bit in [1, 128] {
                let mut bytes = bytes.clone();
                bytes[place] = bit;
                assert_ne!(digest(&bytes), whole, "byte {place}");
            }
        }
        assert_ne!(digest(&bytes[..9999]), whole);
        assert_ne!(digest(&[]), digest(&[0]));
    }
}
