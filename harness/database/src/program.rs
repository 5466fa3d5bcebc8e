//! Where the program of a server is looked for, and what to do where it is not installed.

use std::path::{Path, PathBuf};

/// Searched after PATH: distributions keep servers out of the folders of a plain user's shell.
const USUAL: [&str; 7] = [
    "/usr/sbin",
    "/usr/bin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/local/mysql/bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
];

/// A program that may be installed.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What it is: `Redis server`.
    pub what: &'static str,
    /// Its file's names; the first that is found is taken.
    pub names: &'static [&'static str],
    /// The variable that names it or its folder, in place of PATH and all other folders.
    pub variable: &'static str,
    /// Where it is looked for beside PATH and the usual folders.
    pub folders: &'static [&'static str],
    /// What to do where it is missing: `install it (Debian: apt-get install redis-server)`.
    pub advice: &'static str,
}

/// A program that is not installed: what, where it was looked for, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("no {}: {} in {searched}; {}", program.what, absent(program.names), program.advice)]
pub struct Missing {
    program: Program,
    searched: String,
}

/// Folders, and how messages call them.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) searched: String,
}

impl Program {
    /// Looks for it.
    pub fn find(&self) -> Result<PathBuf, Missing> {
        self.find_in(&self.places())
    }

    pub(crate) fn find_in(&self, places: &Places) -> Result<PathBuf, Missing> {
        // The variable may name the program itself.
        if let [file] = places.folders.as_slice()
            && file.is_file()
        {
            return Ok(file.clone());
        }
        let missing = || Missing { program: *self, searched: places.searched.clone() };
        first(&places.folders, self.names).ok_or_else(missing)
    }

    pub(crate) fn places(&self) -> Places {
        match std::env::var_os(self.variable).filter(|folder| !folder.is_empty()) {
            Some(folder) => Places {
                searched: format!("{} ({})", Path::new(&folder).display(), self.variable),
                folders: vec![folder.into()],
            },
            None => Places {
                folders: path_and_usual().chain(self.folders.iter().map(PathBuf::from)).collect(),
                searched: "PATH or the usual folders".to_owned(),
            },
        }
    }
}

/// PATH and the usual folders.
pub(crate) fn path_and_usual() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    path.into_iter().chain(USUAL.map(PathBuf::from))
}

/// The first of these programs that is in one of the folders.
pub(crate) fn first(folders: &[PathBuf], names: &[&str]) -> Option<PathBuf> {
    let paths = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    paths.into_iter().find(|path| path.is_file())
}

/// `neither mariadbd nor mysqld is`, `redis-server is not`
fn absent(names: &[&str]) -> String {
    match names {
        [name] => format!("{name} is not"),
        names => format!("neither {} is", names.join(" nor ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_missing_is_named_with_what_to_do() {
        let program = Program {
            what: "Toy server",
            names: &["toyd"],
            variable: "TOY_BIN",
            folders: &[],
            advice: "install it (Debian: apt-get install toy)",
        };
        let places = Places { folders: Vec::new(), searched: "here".to_owned() };
        let error = program.find_in(&places).unwrap_err().to_string();
        let expected =
            "no Toy server: toyd is not in here; install it (Debian: apt-get install toy)";
        assert_eq!(error, expected);
    }
}
