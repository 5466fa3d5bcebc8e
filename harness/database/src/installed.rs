//! The programs of a server that is installed, wherever distributions put them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::program::{Places, Program, first, path_and_usual};

/// The variable that names the folder of the programs, in place of PATH and the usual folders.
pub const FOLDER_VARIABLE: &str = "HARNESS_MYSQL_BIN";

const SERVER: Program = Program {
    what: "MySQL server",
    names: &["mariadbd", "mysqld"],
    variable: FOLDER_VARIABLE,
    folders: &[],
    advice: "install one (Debian: apt-get install --no-install-recommends mariadb-server), \
             or name one that runs by HARNESS_MYSQL_URL",
};

/// A server's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub(crate) server: PathBuf,
    /// What the server says of its version.
    pub(crate) version: String,
    /// Whose it is, which decides how it is set up.
    pub(crate) kind: Kind,
}

/// Whose server it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Set up by a program of its own.
    MariaDb { install: PathBuf },
    /// Sets itself up.
    MySql,
}

impl Installed {
    /// Looks in the folder that [`FOLDER_VARIABLE`] names, else in PATH and the usual folders.
    /// What sets a server up may also be elsewhere than the server.
    ///
    /// # Errors
    /// Where there is none: what to install. Where it is there in part: what is missing.
    pub fn find() -> Result<Self, Error> {
        let beside: Vec<PathBuf> = path_and_usual().collect();
        Self::find_in(&SERVER.places(), &beside)
    }

    /// The server, and what sets it up.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &Path> {
        let install = match &self.kind {
            Kind::MariaDb { install } => Some(install.as_path()),
            Kind::MySql => None,
        };
        std::iter::once(self.server.as_path()).chain(install)
    }

    /// The server from `places`; what sets it up from there too, from the folder for programs that
    /// belongs to the server's own, or from those `beside`: distributions divide the two.
    fn find_in(places: &Places, beside: &[PathBuf]) -> Result<Self, Error> {
        let server = SERVER.find_in(places)?;
        let version = version(&server)?;
        if !is_mariadb(&server, &version) {
            return Ok(Self { server, version, kind: Kind::MySql });
        }
        let bin = server.parent().map(|folder| folder.join("../bin"));
        let near: Vec<PathBuf> = places.folders.iter().cloned().chain(bin).collect();
        let names = ["mariadb-install-db", "mysql_install_db"];
        match first(&near, &names).or_else(|| first(beside, &names)) {
            Some(install) => Ok(Self { server, version, kind: Kind::MariaDb { install } }),
            None => {
                let why = format!(
                    "mariadb-install-db, which sets up its data folder, is neither in {} nor in \
                     ../bin beside the server, PATH or the usual folders",
                    places.searched
                );
                Err(unusable(&server, &why))
            }
        }
    }
}

fn version(server: &Path) -> Result<String, Error> {
    let output = Command::new(server).args(["--no-defaults", "--version"]).output();
    let output = output.map_err(|error| unusable(server, &error.to_string()))?;
    if !output.status.success() {
        return Err(unusable(server, &format!("`--version` ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// MariaDB's server goes by MySQL's name too.
fn is_mariadb(server: &Path, version: &str) -> bool {
    version.contains("MariaDB") || server.file_name() == Some(OsStr::new("mariadbd"))
}

fn unusable(program: &Path, why: &str) -> Error {
    Error::Unusable { program: program.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A program that says this of its version. Another process writes it: what a test beside forks
    /// meanwhile has all open files of this one, and a program that is open for writing cannot be run.
    fn write_program(path: &Path, version: &str) {
        let write = r#"printf '#!/bin/sh\necho "%s"\n' "$2" >"$1" && chmod 755 "$1""#;
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh"]).arg(path).arg(version);
        assert!(shell.status().unwrap().success());
    }

    /// A folder with these programs in it; each says this of its version.
    fn folder(programs: &[&str], version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        programs.iter().for_each(|program| write_program(&folder.path().join(program), version));
        folder
    }

    fn here(folder: &Path) -> Places {
        Places { folders: vec![folder.to_owned()], searched: "here".to_owned() }
    }

    /// As on a machine that has nothing elsewhere.
    fn find(folder: &Path) -> Result<Installed, Error> {
        Installed::find_in(&here(folder), &[])
    }

    #[test]
    fn what_sets_a_server_up_may_be_in_another_folder_than_the_server() {
        let root = folder(&[], "");
        for (folder, program) in [("sbin", "mariadbd"), ("bin", "mariadb-install-db")] {
            fs::create_dir(root.path().join(folder)).unwrap();
            write_program(&root.path().join(folder).join(program), "MariaDB");
        }
        let install = |found: Installed| match found.kind {
            Kind::MariaDb { install } => install.canonicalize().unwrap(),
            Kind::MySql => panic!("it is MariaDB"),
        };
        let found = find(&root.path().join("sbin")).unwrap();
        let expected = root.path().join("bin/mariadb-install-db").canonicalize().unwrap();
        assert_eq!(install(found), expected);

        let (server, elsewhere) =
            (folder(&["mariadbd"], "MariaDB"), folder(&["mariadb-install-db"], ""));
        let beside = [elsewhere.path().to_owned()];
        let found = Installed::find_in(&here(server.path()), &beside).unwrap();
        let expected = elsewhere.path().join("mariadb-install-db").canonicalize().unwrap();
        assert_eq!(install(found), expected);
    }

    #[test]
    fn without_a_server_one_line_says_what_to_install() {
        let error = find(folder(&["mariadb"], "").path()).unwrap_err().to_string();
        assert!(error.starts_with("no MySQL server: neither mariadbd nor mysqld is in here;"));
        assert!(error.contains("apt-get install --no-install-recommends mariadb-server"));
        assert!(error.contains("HARNESS_MYSQL_URL") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn whose_server_it_is_follows_from_what_it_says() {
        let mariadb = folder(&["mysqld", "mysql_install_db"], "mysqld Ver 10.11 MariaDB-0");
        let install = mariadb.path().join("mysql_install_db");
        assert_eq!(find(mariadb.path()).unwrap().kind, Kind::MariaDb { install });
        let mysql = folder(&["mysqld"], "mysqld Ver 8.0.40 for Linux");
        assert_eq!(find(mysql.path()).unwrap().kind, Kind::MySql);
    }

    #[test]
    fn a_server_that_cannot_be_set_up_or_started_is_named() {
        let part = folder(&["mariadbd"], "MariaDB");
        let error = find(part.path()).unwrap_err().to_string();
        assert!(error.contains("mariadbd cannot be used: mariadb-install-db"), "{error}");
        assert!(error.contains("neither in here nor in ../bin"), "{error}");
        let broken = tempfile::tempdir().unwrap();
        fs::write(broken.path().join("mysqld"), "").unwrap();
        let error = find(broken.path()).unwrap_err().to_string();
        assert!(error.contains("mysqld cannot be used: Permission denied"), "{error}");
    }
}
