//! The programs of a server that is installed, wherever distributions put them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// The variable that names the folder of the programs, in place of PATH and the usual folders.
pub const FOLDER_VARIABLE: &str = "HARNESS_MYSQL_BIN";

/// Where servers are beside PATH: distributions keep them out of what a plain user's shell searches.
const USUAL: [&str; 6] = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/local/mysql/bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
];

/// A server's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The server itself.
    pub(crate) server: PathBuf,
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
    ///
    /// # Errors
    /// Where there is none: what to install. Where it is there in part: what is missing.
    pub fn find() -> Result<Self, Error> {
        match std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
            Some(folder) => {
                let searched = format!("{} ({FOLDER_VARIABLE})", Path::new(&folder).display());
                Self::find_in(&[folder.into()], searched)
            }
            None => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
                folders.extend(USUAL.map(PathBuf::from));
                Self::find_in(&folders, "PATH or the usual folders".to_owned())
            }
        }
    }

    fn find_in(folders: &[PathBuf], searched: String) -> Result<Self, Error> {
        let find = |name: &str| {
            let mut paths = folders.iter().map(|folder| folder.join(name));
            paths.find(|path| path.is_file())
        };
        let Some(server) = find("mariadbd").or_else(|| find("mysqld")) else {
            return Err(Error::Missing { searched });
        };
        if !is_mariadb(&server)? {
            return Ok(Self { server, kind: Kind::MySql });
        }
        match find("mariadb-install-db").or_else(|| find("mysql_install_db")) {
            Some(install) => Ok(Self { server, kind: Kind::MariaDb { install } }),
            None => {
                let why = "mariadb-install-db, which sets up its data folder, is not installed";
                Err(unusable(&server, why))
            }
        }
    }
}

/// MariaDB's server goes by MySQL's name too.
fn is_mariadb(server: &Path) -> Result<bool, Error> {
    let output = Command::new(server).args(["--no-defaults", "--version"]).output();
    let output = output.map_err(|error| unusable(server, &error.to_string()))?;
    if !output.status.success() {
        return Err(unusable(server, &format!("`--version` ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).contains("MariaDB")
        || server.file_name() == Some(OsStr::new("mariadbd")))
}

fn unusable(program: &Path, why: &str) -> Error {
    Error::Unusable { program: program.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder with these programs in it; each says this of its version.
    fn folder(programs: &[&str], version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for program in programs {
            let path = folder.path().join(program);
            fs::write(&path, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn find(folder: &Path) -> Result<Installed, Error> {
        Installed::find_in(&[folder.to_owned()], "here".to_owned())
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
        let broken = tempfile::tempdir().unwrap();
        fs::write(broken.path().join("mysqld"), "").unwrap();
        let error = find(broken.path()).unwrap_err().to_string();
        assert!(error.contains("mysqld cannot be used: Permission denied"), "{error}");
    }
}
