//! The samples in README and docs/ are what the program prints.
//!
//! A block that begins with ```` ```console reproducible ```` is run, in a folder of its own for
//! each page, and what it prints is compared with what the page says; ```` ```yaml file=NAME ````
//! writes a file there first. On the page the folder is `/home/you/project`. Times and rates are left
//! out of the comparison, as is progress, which only a slow run prints, and a line of three dots
//! stands for any number of lines.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Folder, end};

/// A fenced block: what stands behind its fence, its text, and its line in the page.
struct Block {
    info: String,
    text: String,
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let info = info.trim().to_owned();
                open = Some(Block { info, text: String::new(), line: number });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => writeln!(block.text, "{line}").unwrap(),
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of a block, each with the output that the page gives it.
fn commands(block: &Block) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => writeln!(output, "{line}").unwrap(),
            (None, None) => panic!("line {}: output without a command", block.line),
        }
    }
    commands
}

/// What a line of progress begins with.
const PROGRESS: &str = "  ...   ";

/// The text with every number that has a unit of time as `~`, like `309 ms`, without rates, like
/// `48,413/s`, for a run of less than a millisecond has none, and without what pads them.
fn without_times(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut words = Vec::new();
        let mut all = line.split_whitespace().peekable();
        while let Some(word) = all.next() {
            let is_number = |word: &str| {
                !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || ",.".contains(c))
            };
            let unit = |word: &str| {
                let word = word.trim_end_matches([',', ':', ';']);
                ["ns", "µs", "ms", "s", "runs/s"].contains(&word)
            };
            let rate = word.split_once("/s").is_some_and(|(number, rest)| {
                is_number(number) && rest.chars().all(|c| c.is_ascii_punctuation())
            });
            if is_number(word) && all.peek().is_some_and(|next| unit(next)) {
                all.next();
                words.push("~");
            } else if !rate {
                words.push(word);
            }
        }
        words.join(" ")
    };
    text.lines().filter(|line| !line.starts_with(PROGRESS)).map(line).collect()
}

/// Whether what is printed is what the page says, where `...` stands for any lines.
fn fits(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((dots, rest)) if dots == "..." => {
            (0..=printed.len()).any(|from| fits(rest, &printed[from..]))
        }
        Some((line, rest)) => printed.first() == Some(line) && fits(rest, &printed[1..]),
    }
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|own| own == "md")).collect();
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}

/// The scenarios and golden files that are shipped, as a reader has them.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs a command line as a shell would, with this project's `harness`; both streams as one.
fn shell(folder: &Folder, line: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_harness")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    // The environment is that of the harness in the other tests.
    let clean = folder.harness(&[]);
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(format!("exec 2>&1; {line}")).current_dir(folder.path());
    for (name, value) in clean.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("PATH", format!("{}:{path}", program.display()));
    let here = folder.path().canonicalize().unwrap();
    end(command).stdout.replace(here.to_str().unwrap(), "/home/you/project")
}

/// As it is typed, but for the 30 s of a search, which a busy machine may not get to its end in.
fn unhurried(command: &str) -> String {
    command.replace("harness shrink ", "harness shrink --limit 10min ")
}

#[test]
fn samples_are_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut tried = 0;
    let mut wrong = String::new();
    for page in pages() {
        let name = page.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&page).unwrap();
        let blocks = blocks(&text);
        if !blocks.iter().any(|block| block.info == "console reproducible") {
            continue;
        }
        let folder = Folder::new();
        copy(&root.join("scenarios"), &folder.join("scenarios"));
        copy(&root.join("golden"), &folder.join("golden"));
        for block in blocks {
            if let Some(file) = block.info.split_once("file=").map(|(_, file)| file) {
                folder.write(file, &block.text);
            } else if block.info == "console reproducible" {
                for (command, expected) in commands(&block) {
                    tried += 1;
                    let printed = shell(&folder, &unhurried(&command));
                    if !fits(&without_times(&expected), &without_times(&printed)) {
                        let line = block.line;
                        writeln!(wrong, "{name}:{line}: `{command}` prints\n{printed}").unwrap();
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(tried > 10, "only {tried} samples are run");
}

#[test]
fn the_index_names_every_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    for page in fs::read_dir(&folder).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "README.md" {
            assert!(index.contains(&format!("[{name}]({name})")), "docs/README.md lacks {name}");
        }
    }
    let links = index.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    for link in links {
        assert!(folder.join(link).exists(), "docs/README.md: there is no {link}");
    }
}

#[test]
fn times_and_rates_do_not_count() {
    let a = "PASS  5p3c  309 ms  golden ok  48,413/s";
    let b = "PASS  5p3c  1.2 s  golden ok   7/s";
    assert_eq!(without_times(a), without_times(b));
    assert_ne!(without_times("sent 10"), without_times("sent 11"));
    assert_eq!(without_times("sent 10  7/s"), without_times("sent 10"));
    let slow = format!("  ...   5p3c  sent 4,256 of 4,965  after 5.04 s\n{b}");
    assert_eq!(without_times(a), without_times(&slow));
    let lines = |text| without_times(text);
    assert!(fits(&lines("a\n...\nd"), &lines("a\nb\nc\nd")));
    assert!(!fits(&lines("a\n...\nd"), &lines("a\nb\nc")));
}
