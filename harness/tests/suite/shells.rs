//! Completions are completed by a shell, and the manual is read by what reads manuals.

use std::fs;
use std::process::Command;

use crate::support::{Ended, Folder, end};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

/// What bash would offer behind these words, the last of which is begun.
fn completed(folder: &Folder, words: &[&str]) -> Vec<String> {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source ./harness.bash; COMP_WORDS=({}); COMP_CWORD={}; \
         _harness harness \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1
    );
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-euc", &script]).current_dir(folder.path());
    let ended = end(bash);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{words:?}");
    ended.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_subcommands_flags_and_values() {
    let folder = Folder::new();
    folder.write("harness.bash", &folder.passes(&["completions", "bash"]).stdout);
    assert_eq!(completed(&folder, &["harness", "sab"]), ["sabotage"]);
    assert_eq!(completed(&folder, &["harness", "run", "--report-j"]).len(), 2);
    assert_eq!(completed(&folder, &["harness", "completions", "fi"]), ["fish"]);
    let all = completed(&folder, &["harness", ""]);
    assert!(all.contains(&"run".to_owned()) && all.contains(&"--version".to_owned()), "{all:?}");
    for hidden in ["broker", "guard", "storage"] {
        assert!(!all.contains(&hidden.to_owned()), "{all:?}");
    }
}

#[test]
fn every_shell_has_completions_of_every_subcommand() {
    let folder = Folder::new();
    for shell in SHELLS {
        let script = folder.passes(&["completions", shell]).stdout;
        for word in ["run", "driver-check", "require-servers"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let Ended { code, stderr, .. } = folder.run(&["completions", "csh"]);
    assert_eq!(code, Some(2));
    assert!(SHELLS.iter().all(|shell| stderr.contains(shell)), "{stderr}");
}

#[test]
fn the_manual_has_a_page_for_each_subcommand_and_for_the_broker() {
    let folder = Folder::new();
    folder.passes(&["man", "man/man1"]);
    let pages = fs::read_dir(folder.join("man/man1")).unwrap();
    let mut pages: Vec<_> =
        pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    for page in ["broker.1", "harness.1", "harness-check.1", "harness-run.1"] {
        assert!(pages.contains(&page.to_owned()), "{page} is not in {pages:?}");
    }
    assert!(!pages.iter().any(|page| page.contains("guard")), "{pages:?}");
    let page = folder.read("man/man1/harness-run.1");
    assert!(page.contains("Exit codes:") && page.starts_with(".ie"), "{page}");
    assert!(folder.passes(&["man"]).stdout.contains("harness\\-run(1)"));
    folder.write("file", "");
    let Ended { code, stderr, .. } = folder.run(&["man", "file/below"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: file/below: the manual cannot be written"), "{stderr}");
}

/// Where `groff` is installed, which reads manuals on most systems, it has nothing to object.
#[test]
fn a_reader_of_manuals_warns_of_nothing() {
    let folder = Folder::new();
    if Command::new("groff").arg("--version").output().is_err() {
        return;
    }
    folder.passes(&["man", "man"]);
    for page in fs::read_dir(folder.join("man")).unwrap() {
        let page = page.unwrap().path();
        let mut groff = Command::new("groff");
        groff.args(["-man", "-Tascii", "-ww"]).arg(&page);
        let Ended { code, stdout, stderr } = end(groff);
        assert_eq!((code, &*stderr), (Some(0), ""), "{}", page.display());
        assert!(stdout.contains("General Commands Manual"), "{stdout}");
    }
}

#[test]
fn a_version_says_the_commit_and_the_features_where_there_is_room() {
    let folder = Folder::new();
    let short = folder.passes(&["-V"]).stdout;
    let long = folder.passes(&["--version"]).stdout;
    assert_eq!(short, format!("harness {}\n", env!("CARGO_PKG_VERSION")));
    assert!(long.starts_with(&short), "{long}");
    let lines: Vec<_> = long.lines().skip(1).map(|line| line.split_once("  ").unwrap()).collect();
    let [("commit", commit), ("features", features)] = lines[..] else { panic!("{long}") };
    // No commit is known where there is no git.
    let is_commit = commit.trim().trim_end_matches("-dirty").bytes().all(|b| b.is_ascii_hexdigit());
    assert!(is_commit || commit.trim() == "not known", "{long}");
    assert_eq!(features.contains("redis"), cfg!(feature = "redis"), "{long}");
}
