//! The pages of real runs, one of each kind: what they say is what was run, and nothing is wrong with
//! any of them. With HARNESS_SCREENSHOTS=DIR each is also left there as pictures.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::driver::{Browser, ENTER};
use super::rules::{Look, WIDTHS, axe, inspect};
use crate::support::{Broker, Folder, end};

/// No picture is higher, in CSS pixels, and none of those for the docs.
const HIGHEST: u64 = 5000;
const IN_DOCS: u64 = 1300;

/// A broker in memory does not survive a kill, and this asks it to.
const KILL: &str = "description: The broker is killed while messages wait in it\n\
    topics:\n  T1: P1 P2 -> C1 C2\n  T2: P2 -> C1\n\
    producers:\n  all: { generate: { messages: 200, size: 16..64 }, pace: 400/s }\n\
    consumers: { C1: { poll_after: 150 acked } }\n\
    faults:\n  - { after: 100 acked, kill: broker, for: 20ms }\n\
    expect: { delivery: at-least-once, order: none }\n\
    drain: { idle: 300ms, deadline: 30s }\ngolden: none\nseed: 1\n";

const FINE: &str = "topics:\n  T1: P1 P2 -> C1 C2\n\
    producers:\n  all: { generate: { messages: 200 } }\ngolden: none\nseed: 1\n";

/// A page that a call of the harness has written.
struct Page {
    folder: Folder,
    browser: Browser,
}

impl Page {
    /// None where there is no browser. The folder has the scenarios and golden files that are shipped.
    fn new() -> Option<Self> {
        let browser = Browser::start()?;
        let folder = Folder::new();
        let page = Self { folder, browser };
        for name in ["2p2c", "5p3c"] {
            page.folder.copy_scenario(name);
            let golden = format!("golden/{name}.snap");
            page.copy(&golden, &golden);
        }
        Some(page)
    }

    /// A file of the project.
    fn copy(&self, from: &str, to: &str) {
        self.folder.write(to, &fs::read_to_string(root().join(from)).unwrap());
    }

    fn file(&self) -> PathBuf {
        self.folder.join("report.html")
    }

    /// Writes the page by a call that ends with this code, and looks at it.
    fn of(&self, name: &str, arguments: &[&str], code: i32) {
        self.write(arguments, code);
        let found = inspect(&self.browser, &self.file(), axe().as_deref());
        if let Some(pictures) = std::env::var_os("HARNESS_SCREENSHOTS") {
            self.pictures(name, Path::new(&pictures));
        }
        assert!(found.is_empty(), "{name}: {found:#?}");
        Look::screen(1400, "light").apply(&self.browser);
        self.browser.open(&self.file());
    }

    fn write(&self, arguments: &[&str], code: i32) {
        let arguments = [arguments, &["--report-html", "report.html"]].concat();
        let mut harness = self.folder.harness(&arguments);
        // Here is no database server, whatever the machine has.
        harness.env("HARNESS_MYSQL_BIN", self.folder.join("tmp"));
        let ended = end(harness);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    }

    /// What the page says, as a person reads it.
    fn text(&self) -> String {
        let text = self.browser.script("return document.body.innerText", &json!([]));
        text.as_str().unwrap().to_owned()
    }

    fn says(&self, words: &[&str]) {
        let text = self.text();
        for words in words {
            assert!(text.contains(words), "{words:?} is not on the page:\n{text}");
        }
    }

    fn pictures(&self, name: &str, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        self.picture(Look::screen(1400, "light"), IN_DOCS, &folder.join(format!("{name}.png")));
        for width in WIDTHS {
            for scheme in ["light", "dark"] {
                let file = folder.join(format!("{name}-{width}-{scheme}.png"));
                self.picture(Look::screen(width, scheme), HIGHEST, &file);
            }
        }
    }

    fn picture(&self, look: Look, highest: u64, file: &Path) {
        look.apply(&self.browser);
        self.browser.open(&self.file());
        fs::write(file, self.browser.picture(look.width, highest)).unwrap();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn a_run_that_passes() {
    let Some(page) = Page::new() else { return };
    page.of("pass", &["run", "5p3c.yaml"], 0);
    page.says(&["5p3c", "5p3c.yaml"]);
}

#[test]
fn a_loss_under_faults() {
    let Some(page) = Page::new() else { return };
    page.folder.write("kill.yaml", KILL);
    page.of("fail", &["run", "kill.yaml"], 1);
    page.says(&["kill", "never came"]);
}

/// The times below a timeline say which part of the run it shows.
#[test]
fn a_timeline_is_shown_closer_by_its_buttons_and_by_keys() {
    let Some(page) = Page::new() else { return };
    page.folder.write("kill.yaml", KILL);
    page.write(&["run", "kill.yaml"], 1);
    let browser = &page.browser;
    browser.open(&page.file());
    let times = || {
        let script = "return [...document.querySelectorAll('.timeline .tick')].map((tick) => \
                      tick.textContent).join(' ')";
        browser.script(script, &json!([])).as_str().unwrap().to_owned()
    };
    let press = |selector: &str, key: char| {
        let focus = "document.querySelector(arguments[0]).focus()";
        browser.script(focus, &json!([selector]));
        browser.press(key, 1);
        times()
    };
    let whole = times();
    assert!(!whole.is_empty());
    let close = press(".timeline .zoom button:nth-of-type(2)", ENTER);
    assert_ne!(close, whole);
    assert_ne!(press(".timeline .chart", '+'), close);
    assert_eq!(press(".timeline .chart", '0'), whole);
    press(".timeline .zoom button:nth-of-type(2)", ENTER);
    assert_eq!(press(".timeline .zoom button:nth-of-type(1)", ENTER), whole);
}

#[test]
fn the_command_that_reproduces_a_run_is_copied() {
    let Some(page) = Page::new() else { return };
    page.write(&["run", "2p2c.yaml", "--sabotage", "lose:1"], 1);
    let browser = &page.browser;
    browser.open(&page.file());
    let may = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    browser.chromium("Browser.grantPermissions", &may);
    browser.script("document.querySelector('button.copy').focus()", &json!([]));
    browser.press(ENTER, 1);
    let read = "const [done] = arguments; const button = document.querySelector('button.copy'); \
        const copied = () => button.textContent.startsWith('Copied'); \
        const read = () => navigator.clipboard.readText().then(done, (error) => done(String(error))); \
        if (copied()) read(); else new MutationObserver(() => copied() && read()) \
        .observe(button, { subtree: true, characterData: true })";
    let copied = browser.script_later(read, &json!([]));
    assert_eq!(copied, "harness run 2p2c.yaml --sabotage lose:1");
}

#[test]
fn a_loss_in_a_simulation() {
    let Some(page) = Page::new() else { return };
    page.copy("scenarios/bugs/crashes.yaml", "crashes.yaml");
    page.of("simulation", &["sim", "crashes.yaml", "--seed", "11", "--bug", "ack-before-store"], 1);
    page.says(&["crashes"]);
}

#[test]
fn a_reorder() {
    let Some(page) = Page::new() else { return };
    page.of("reorder", &["run", "2p2c.yaml", "--sabotage", "reorder:1"], 1);
    page.says(&["2p2c", "sabotage"]);
}

#[test]
fn a_golden_difference() {
    let Some(page) = Page::new() else { return };
    let golden = page.folder.read("golden/2p2c.snap");
    let changed = golden.replacen("1..3", "1..4", 1);
    assert_ne!(golden, changed);
    page.folder.write("golden/2p2c.snap", &changed);
    page.of("golden", &["run", "2p2c.yaml"], 1);
    page.says(&["2p2c", "differs"]);
}

#[test]
fn a_matrix_of_brokers() {
    let Some(page) = Page::new() else { return };
    page.folder.write("all/fine.yaml", FINE);
    page.folder.write("all/kill.yaml", KILL);
    let theirs = Broker::start(&[]);
    let on = format!("memory,mysql,{}", theirs.address);
    page.of("matrix", &["run", "all", "--on", &on, "--repeat", "3"], 1);
    page.says(&["memory", "mysql", "fine", "kill"]);
}

#[test]
fn a_sweep_of_seeds() {
    let Some(page) = Page::new() else { return };
    page.copy("scenarios/bugs/crashes.yaml", "crashes.yaml");
    let sweep =
        ["sim", "crashes.yaml", "--seeds", "1..40", "--collect", "--bug", "ack-before-store"];
    page.of("sweep", &sweep, 1);
    page.says(&["crashes", "40 seeds"]);
}

#[test]
fn a_scenario_that_is_invalid() {
    let Some(page) = Page::new() else { return };
    page.folder.write("all/fine.yaml", FINE);
    page.folder.write("all/wrong.yaml", "topics:\n  T1: P1 -> C1\nproducer: {}\n");
    page.of("invalid", &["run", "all"], 2);
    page.says(&["wrong", "producers"]);
}

#[test]
fn a_check_of_logs() {
    let Some(page) = Page::new() else { return };
    page.folder.passes(&["run", "2p2c.yaml"]);
    let log = page.folder.read("out/2p2c/consumer_1.txt");
    let (_, without_first) = log.split_once('\n').unwrap();
    page.folder.write("out/2p2c/consumer_1.txt", without_first);
    page.of("check", &["check", "2p2c.yaml", "--logs", "out/2p2c"], 1);
    page.says(&["2p2c", "never came"]);
}

#[test]
fn a_hundred_scenarios() {
    let Some(page) = Page::new() else { return };
    for number in 1..=100 {
        page.folder.write(&format!("all/s{number:03}.yaml"), FINE);
    }
    page.of("hundred", &["run", "all"], 0);
    page.says(&["s001", "s100"]);
    let size = fs::metadata(page.file()).unwrap().len();
    assert!(size < 2_000_000, "{size} bytes");
}
