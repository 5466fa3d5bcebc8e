//! What a user says a server is to be like: settings by the names that the server has for them.

use std::ffi::OsString;

/// What the harness says itself, or has to rely on.
const OWN: &[(&str, &str)] = &[
    ("bind-address", WHERE),
    ("port", WHERE),
    ("socket", WHERE),
    ("skip-networking", WHERE),
    ("basedir", FILES),
    ("datadir", FILES),
    ("tmpdir", FILES),
    ("pid-file", FILES),
    ("innodb-data-home-dir", FILES),
    ("innodb-log-group-home-dir", FILES),
    ("innodb-undo-directory", FILES),
    ("user", "the harness says as whom the server runs"),
    ("init-file", "the harness makes its user and that one's password by it"),
    ("skip-grant-tables", "the harness makes its user and that one's password"),
    ("wsrep-on", CLUSTER),
    ("wsrep-provider", CLUSTER),
    ("wsrep-cluster-address", CLUSTER),
    ("wsrep-cluster-name", CLUSTER),
    ("wsrep-node-address", CLUSTER),
    ("wsrep-node-name", CLUSTER),
    ("wsrep-sst-method", CLUSTER),
    ("wsrep-sst-receive-address", CLUSTER),
    ("wsrep-start-position", CLUSTER),
    ("wsrep-provider-options", CLUSTER),
    ("binlog-format", ROWS),
    ("innodb-autoinc-lock-mode", ROWS),
    ("defaults-file", ALONE),
    ("defaults-extra-file", ALONE),
    ("defaults-group-suffix", ALONE),
    ("no-defaults", ALONE),
];

const WHERE: &str = "the harness says where the server listens";
const FILES: &str = "the harness says where the server's files are";
const CLUSTER: &str =
    "the harness says what the nodes of a cluster are, which `cluster: 3` asks for";
const ROWS: &str = "the harness says it, as a cluster needs it";
const ALONE: &str = "the server reads no files of the machine's own";

/// Prefixes that a server takes in front of any setting.
const PREFIXES: [&str; 6] = ["loose-", "skip-", "disable-", "enable-", "maximum-", "autoset-"];

/// A setting as an argument: `--innodb-doublewrite=0`; one without a value as a switch.
///
/// # Errors
/// Why it cannot be set.
pub fn setting(key: &str, value: &str) -> Result<OsString, String> {
    let name = key.to_ascii_lowercase().replace('_', "-");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
        return Err(format!("`{key}` is no setting of a MySQL server"));
    }
    let bare = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name);
    // A server takes the beginning of a name for the name.
    let is_own = |own: &str| own.starts_with(&name) || own.starts_with(bare);
    if let Some((_, why)) = OWN.iter().find(|(own, _)| is_own(own)) {
        return Err(format!("`{key}` cannot be set: {why}"));
    }
    Ok(if value.is_empty() { format!("--{name}") } else { format!("--{name}={value}") }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_an_argument_by_the_name_that_commands_have() {
        let check = |key, value, expected: &str| {
            assert_eq!(setting(key, value), Ok(OsString::from(expected)));
        };
        check("innodb_flush_log_at_trx_commit", "2", "--innodb-flush-log-at-trx-commit=2");
        check("innodb-doublewrite", "0", "--innodb-doublewrite=0");
        check("skip_log_bin", "", "--skip-log-bin");
    }

    #[test]
    fn what_the_harness_says_itself_is_refused_with_the_reason() {
        for (key, part) in [
            ("port", "where the server listens"),
            ("SOCKET", "where the server listens"),
            ("bind_address", "where the server listens"),
            ("loose-port", "where the server listens"),
            ("skip-networking", "where the server listens"),
            ("data", "where the server's files are"),
            ("datadir", "where the server's files are"),
            ("pid_file", "where the server's files are"),
            ("user", "as whom"),
            ("init_file", "its user"),
            ("wsrep_provider", "`cluster: 3` asks for"),
            ("wsrep_provider_options", "`cluster: 3` asks for"),
            ("binlog_format", "as a cluster needs it"),
            ("wsrep_cluster_address", "`cluster: 3` asks for"),
            ("defaults-extra-file", "no files of the machine's own"),
            ("--port", "is no setting"),
            ("a b", "is no setting"),
            ("a=b\n", "is no setting"),
            ("", "is no setting"),
        ] {
            let why = setting(key, "1").unwrap_err();
            assert!(why.contains(part) && why.contains(key), "{key}: {why}");
        }
    }
}
