//! The command line: what is wrong with it, what would be right, and with which exit code it ends.

use std::fs;
use std::net::TcpListener;
use std::process::Output;

use crate::support::process::{Process, program};

fn fails(arguments: &[&str], code: i32) -> String {
    let (ended, said) = Process::fails_with(arguments);
    assert_eq!(ended, Some(code), "{arguments:?}: {said}");
    said
}

/// A command line that is refused, and a part of what is said.
fn check(arguments: &[&str], expected: &str) {
    let said = fails(arguments, 2);
    assert!(said.contains(expected), "{arguments:?}: {said}");
}

#[test]
fn wrong_values_are_refused_with_what_would_be_right() {
    check(&["--nix", "1"], "unexpected argument '--nix'");
    check(&["--retian", "24h"], "a similar argument exists: '--retain'");
    check(&["migrat"], "a similar subcommand exists: 'migrate'");
    check(&["--listen", "localhost"], "expected an IP address and a port");
    check(&["--listen", "localhost:5000"], "did you mean 127.0.0.1:5000?");
    check(&["--listen", "5000"], "expected an IP address and a port, such as 127.0.0.1:5000");
    check(&["--max-memory", "much"], "expected bytes, such as");
    for flag in ["--max-memory", "--max-message", "--max-in-flight"] {
        check(&[flag, "0"], "at least one byte is needed");
    }
    check(&["--grace", "10"], "expected a time, such as");
    check(&["--grace", "0ms"], "at least 1ms is needed");
    check(&["--grace", "500000000000years"], "at most a year");
    check(&["--max-wait", "366days"], "at most a year");
    check(&["--gather", "367days"], "at most a year");
    check(&["--threads", "0"], "expected a whole number, 1 to 1024");
    check(&["--threads", "200000000000"], "expected a whole number, 1 to 1024");
    for flag in [
        "--max-batch",
        "--max-connections",
        "--max-topics",
        "--max-registrations",
        "--store-connections",
    ] {
        for count in ["0", "18446744073709551615"] {
            check(&[flag, count], "expected a whole number, 1 to 1000000000");
        }
    }
    for level in ["loud", "broker=loud", "bad=x=y", "info,loud", "brok er=loud"] {
        check(&["--log-level", level], "'--log-level <LEVEL>': expected a level, such as info, or");
    }
}

#[test]
fn what_cannot_be_kept_is_refused_with_what_can() {
    let expected = "expected lag, all, a time, such as 24h, or a size, such as 512MiB";
    for wrong in ["24", "24H", "", "some", "-1h"] {
        check(&[&format!("--retain={wrong}")], expected);
    }
    check(&["--retain", "5m"], "it can be a time or a size: write 5min or 5MiB");
    check(&["--retain", "0h"], "at least 1s is needed, for messages are looked at once a second");
    check(&["--retain", "999ms"], "at least 1s is needed");
    check(&["--retain", "0MiB"], "at least one byte is needed");
    // These never get as far as their value.
    check(&["--retain", "-1h"], "tip: no value is negative");
    check(
        &["--retain", "24", "h"],
        "there is no such command; a value with blanks is put in quotes",
    );
}

#[test]
fn a_switch_may_be_given_a_value_as_its_variable_is() {
    let both = ["--allow-anonymous", "true", "--token-file", "/nowhere"];
    check(&both, "--allow-anonymous lets everybody in");
    let one = ["--allow-anonymous=false", "--token-file", "/nowhere"];
    check(&one, "--token-file: cannot read /nowhere: no such file or directory");
    let output = program().args(one).env("BROKER_ALLOW_ANONYMOUS", "true").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--token-file: cannot read"), "the flag wins: {said}");
    check(&["--audit", "yes", "--retain", "lag"], "--audit reads all messages");
    check(&["--audit", "perhaps"], "invalid value 'perhaps' for '--audit [<BOOL>]'");
}

#[test]
fn flags_that_do_not_fit_together_are_refused() {
    check(&["--audit", "--retain", "lag"], "--audit reads all messages, and --retain lag drops");
    check(&["--audit", "--retain=lag"], "leave one of them out");
    check(
        &["--listen", "127.0.0.1:7001", "--admin-listen", "127.0.0.1:7001"],
        "--admin-listen and --listen are both 127.0.0.1:7001: give them two ports",
    );
    check(&["--store-connections", "1"], "--store-connections is 1: give it at least 2");
    check(
        &["--max-message", "2MiB", "--max-body", "1MiB"],
        "--max-message is 2097152 bytes and --max-body 1048576",
    );
    check(
        &["--max-in-flight", "1MiB"],
        "--max-in-flight is 1048576 bytes, and a body with an answer may have 25165824: raise it, or \
         lower --max-body, --max-answer or --max-message",
    );
    check(&["--tls-cert", "x"], "--tls-cert needs --tls-key beside it, the file of its key");
    check(&["--tls-key", "x"], "--tls-key needs --tls-cert beside it, the file of its certificate");
}

#[test]
fn a_store_that_there_is_not_is_said_without_its_password() {
    let place = "--store, or the variable BROKER_STORE: ";
    for store in ["tape", "mysql", "mysql:name", "sqlite:file"] {
        let expected = "expected `memory` or mysql://user:password@host:3306/database";
        check(&["--store", store], &format!("{place}{expected}"));
    }
    let none = "there is no store for postgres:, expected mysql://user:password@host:3306/database";
    check(&["--store", "postgres://ann:secret@host/name"], &format!("{place}{none}"));
    let url = "mysql://user:secret@host/name";
    for arguments in [
        vec![url],
        vec!["--store", "mysql://user:secret@host"],
        vec!["--store", "mysqll://user:secret@host/name"],
        vec!["--listen", url],
        vec!["--audit", url],
        vec!["--grace", "1s", url],
        vec![&*format!("--nix={url}")],
    ] {
        let said = fails(&arguments, 2);
        assert!(said.starts_with("error: ") && !said.contains("secret"), "{arguments:?}: {said}");
    }
    assert!(fails(&[url], 2).contains("unrecognized subcommand 'mysql://user:***@host/name'"));
}

#[test]
fn a_bad_variable_is_named() {
    let Output { status, stderr, .. } = program().env("BROKER_MAX_BATCH", "none").output().unwrap();
    let words = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{words}");
    assert!(words.contains("the value is that of the variable BROKER_MAX_BATCH"), "{words}");
}

#[test]
fn what_is_done_instead_of_serving_takes_no_other_flags() {
    let url = "http://127.0.0.1:1";
    for wrong in ["127.0.0.1:1", "http://127.0.0.1:1/readyz", "ftp://127.0.0.1:1"] {
        check(&["--check", wrong], "expected http://HOST:PORT, such as");
    }
    let plain = "http://127.0.0.1:5000: where TLS is spoken, this is answered without it too";
    check(&["--check", "https://127.0.0.1:1"], plain);
    let stray = "--grace is for a broker that serves, and --check asks one";
    check(&["--check", url, "--grace", "1s"], stray);
    let stray = ["--grace", "1s", "migrate", "--store", "mysql://u@h/b"];
    check(&stray, "the subcommand 'migrate' cannot be used with '--grace <TIME>'");
    check(&stray, "flags of `migrate` stand behind it, and `broker migrate --help` lists them");
    check(&["migrate", "--store", "memory"], "there is nothing to migrate in memory");
    check(&["migrate", "--store", "mysql://u:secret@h"], "the name of the database is missing");
    check(&["migrate"], "Usage: broker migrate [OPTIONS]");
    let escaped = "in a password, `/`, `#`, `?`, `@` and `%` are written as %2F, %23,";
    check(&["migrate", "--store", "mysql://u:sec#ret@h/b"], escaped);
    for flag in ["--token-file", "--port-file"] {
        let misplaced = Process::fails("memory", &[flag, "mysql://u:secret@h/b"]);
        assert!(misplaced.1.contains("mysql://u:***@h/b"), "{flag}: {}", misplaced.1);
    }
    check(
        &["migrate"],
        "--store, or the variable BROKER_STORE: there is nothing to migrate in memory",
    );
    check(&["token"], "--scope <produce,consume,admin>");
    check(&["token", "--scope", "prduce"], "a similar value exists: 'produce'");
}

#[test]
fn an_address_that_cannot_be_listened_on_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let check = |arguments: &[&str], flag: &str, address: &str, why: &str| {
        let said = fails(arguments, 1);
        assert_eq!(said, format!("broker: cannot listen on {address} ({flag}): {why}\n"));
    };
    let why = "another program does; try port 0 for a free one";
    check(&["--listen", &taken], "--listen", &taken, why);
    let free = "127.0.0.1:0";
    check(&["--listen", free, "--admin-listen", &taken], "--admin-listen", &taken, why);
    // An address for documents, which no machine has.
    let strange = "192.0.2.1:5000";
    let why = "this machine has no such address";
    check(&["--listen", strange, "--allow-anonymous"], "--listen", strange, why);
}

#[test]
fn a_port_file_that_cannot_be_written_is_named() {
    let said = fails(&["--listen", "127.0.0.1:0", "--port-file", "/nowhere/port"], 1);
    assert_eq!(
        said,
        "broker: cannot write the port file /nowhere/port: there is no folder /nowhere\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("port");
    let said = fails(&["--listen", "127.0.0.1:0", "--port-file", below.to_str().unwrap()], 1);
    assert!(said.ends_with("file/port: not a directory\n"), "{said}");
}
