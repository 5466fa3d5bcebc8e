//! What is looked for on a page, and under which conditions. Each thing found is a rule's name, what,
//! and where it is seen, as in `contrast: <td> "lost": 2.90 : 1 (360 px dark, 800 px dark)`.
//!
//! The rules for accessibility are those of WCAG 2.2 that a program can judge, at level AA. Beside
//! ours those of axe-core are asked, where it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::driver::{Browser, ENTER, TAB};

const RULES: &str = include_str!("rules.js");
const KEYBOARD: &str = include_str!("keyboard.js");

/// The widths of a phone, of a tablet and of a window on a desk, in CSS pixels.
pub(super) const WIDTHS: [u32; 3] = [360, 800, 1400];

/// The width of A4 without its margins.
const PAPER: u32 = 718;

/// What is tried at most of what a page may have hundreds of.
const TABS: usize = 300;
const BUTTONS: usize = 12;
const SHEETS: usize = 12;

/// How a page is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) width: u32,
    pub(super) scheme: &'static str,
    pub(super) media: &'static str,
}

impl Look {
    pub(super) fn screen(width: u32, scheme: &'static str) -> Self {
        Self { width, scheme, media: "screen" }
    }

    pub(super) fn apply(self, browser: &Browser) {
        let size =
            json!({ "width": self.width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        browser.chromium("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": self.scheme }]);
        let media = json!({ "media": self.media, "features": features });
        browser.chromium("Emulation.setEmulatedMedia", &media);
    }

    fn name(self) -> String {
        match self.media {
            "print" => "in print".to_owned(),
            _ => format!("{} px {}", self.width, self.scheme),
        }
    }
}

/// The script of axe-core, where HARNESS_AXE names its file.
pub(super) fn axe() -> Option<String> {
    let file = std::env::var("HARNESS_AXE").ok()?;
    Some(fs::read_to_string(&file).unwrap_or_else(|error| panic!("HARNESS_AXE: {file}: {error}")))
}

/// All that is wrong with a page.
pub(super) fn inspect(browser: &Browser, page: &Path, axe: Option<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // What has been logged before belongs to another page.
    let _ = (browser.log("browser"), browser.log("performance"));
    let desk = Look::screen(1400, "light");
    desk.apply(browser);
    browser.open(page);
    let scripted = text_length(browser);
    by_keyboard(browser, &mut found);
    press_buttons(browser, &mut found);
    files(browser, &mut found);

    browser.open(page);
    look(browser, axe, &mut found);
    desk.apply(browser);
    sheets(browser, page, &mut found);
    without_scripts(browser, page, scripted, &mut found);
    logs(browser, page, &mut found);
    found
}

/// The rules that a page's own state answers, on every width, in the light, in the dark and in print.
fn look(browser: &Browser, axe: Option<&str>, found: &mut BTreeSet<String>) {
    let screens =
        WIDTHS.into_iter().flat_map(|width| ["light", "dark"].map(|it| Look::screen(width, it)));
    let print = Look { width: PAPER, scheme: "light", media: "print" };
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for look in screens.chain([print]) {
        look.apply(browser);
        let mut found = told(&browser.script(RULES, &json!([])));
        // Axe takes seconds on a long page; these two have both widths and both schemes.
        if let (Some(axe), "360 px light" | "1400 px dark") = (axe, &*look.name()) {
            found.append(&mut told(&ask(browser, axe)));
        }
        for what in found {
            seen.entry(what).or_default().push(look.name());
        }
    }
    found.extend(seen.into_iter().map(|(what, looks)| format!("{what} ({})", looks.join(", "))));
}

/// What a script has found: a rule's name and what.
fn told(pairs: &Value) -> BTreeSet<String> {
    let told = |pair: &Value| {
        let [rule, what] = [0, 1].map(|at| pair[at].as_str().unwrap());
        format!("{rule}: {what}")
    };
    pairs.as_array().unwrap().iter().map(told).collect()
}

fn ask(browser: &Browser, axe: &str) -> Value {
    if browser.script("return Boolean(window.axe)", &json!([])) == json!(false) {
        browser.script(axe, &json!([]));
    }
    let script = "const [done] = arguments; axe.run(document, { resultTypes: ['violations'], \
         runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }) \
         .then(({ violations }) => done(violations.flatMap(({ id, help, nodes }) => nodes.slice(0, 10) \
         .map(({ target, any }) => [`axe ${id}`, `${help}: ${target} ${any[0]?.message ?? ''}`]))), \
         (error) => done([['axe', String(error)]]))";
    browser.script_later(script, &json!([]))
}

/// Tab comes to everything that can be used, and shows where it is.
fn by_keyboard(browser: &Browser, found: &mut BTreeSet<String>) {
    let count = browser.script(KEYBOARD, &json!(["watch"]));
    let wanted = usize::try_from(count.as_u64().unwrap()).unwrap();
    let tabs = wanted.min(TABS);
    browser.press(TAB, tabs);
    let most = if wanted > TABS { 0 } else { TABS };
    found.append(&mut told(&browser.script(KEYBOARD, &json!(["tell", most]))));
}

/// Each button does something that is seen, by the keyboard alone.
fn press_buttons(browser: &Browser, found: &mut BTreeSet<String>) {
    let focus = "const buttons = [...document.querySelectorAll('button')].filter((button) => \
        button.checkVisibility() && !button.disabled); const button = buttons[arguments[0]]; \
        if (!button) return null; button.focus(); window.changed = new Promise((yes) => { \
        new MutationObserver(() => yes(true)).observe(document, { subtree: true, childList: true, \
        attributes: true, characterData: true }); }); \
        return button.getAttribute('aria-label') || button.textContent.trim();";
    let wait =
        "const [done] = arguments; window.changed.then(done); setTimeout(() => done(false), 2000)";
    for at in 0..BUTTONS {
        let button = browser.script(focus, &json!([at]));
        let Some(button) = button.as_str() else { return };
        browser.press(ENTER, 1);
        if browser.script_later(wait, &json!([])) != json!(true) {
            found.insert(format!("button: {button:?} does nothing that is seen"));
        }
    }
}

/// Links to files lead to files that are there, wherever the page is moved together with them.
fn files(browser: &Browser, found: &mut BTreeSet<String>) {
    let links = "return [...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href')) \
        .filter((href) => !/^(#|https?:|mailto:)/.test(href)) \
        .map((href) => [href, decodeURIComponent(new URL(href, location).pathname)])";
    for link in browser.script(links, &json!([])).as_array().unwrap() {
        let [href, path] = [0, 1].map(|at| link[at].as_str().unwrap());
        if href.starts_with("file:") || href.starts_with('/') {
            found.insert(format!("link: {href} is not relative to the page"));
        } else if !Path::new(path).exists() {
            found.insert(format!("link: {href} leads to no file"));
        }
    }
}

/// A print has sheets, and none of them is blank.
fn sheets(browser: &Browser, page: &Path, found: &mut BTreeSet<String>) {
    browser.script("document.body.remove()", &json!([]));
    let blank = browser.print(1).unwrap().len();
    browser.open(page);
    for number in 1..=SHEETS {
        let Some(sheet) = browser.print(number) else { break };
        // A single letter brings its font, which is far larger than all else on a blank sheet.
        if sheet.len() < blank + blank / 2 {
            found.insert(format!("print: sheet {number} is blank"));
        }
    }
}

fn text_length(browser: &Browser) -> u64 {
    browser.script("return document.body.innerText.length", &json!([])).as_u64().unwrap()
}

/// Without scripts the page says the same, and shows no buttons that then do nothing.
fn without_scripts(browser: &Browser, page: &Path, scripted: u64, found: &mut BTreeSet<String>) {
    let disable = |disabled: bool| {
        browser.chromium("Emulation.setScriptExecutionDisabled", &json!({ "value": disabled }));
    };
    disable(true);
    browser.open(page);
    let plain = text_length(browser);
    if plain * 10 < scripted * 9 {
        found.insert(format!("no scripts: {plain} characters of {scripted} are left"));
    }
    let buttons = "return [...document.querySelectorAll('button')].filter((button) => \
        button.checkVisibility()).map((button) => button.textContent.trim())";
    for button in browser.script(buttons, &json!([])).as_array().unwrap() {
        found.insert(format!("no scripts: the button {button} is shown and does nothing"));
    }
    disable(false);
}

/// The console is silent, and nothing is asked for but the page.
fn logs(browser: &Browser, page: &Path, found: &mut BTreeSet<String>) {
    for entry in browser.log("browser") {
        let [level, message] = ["level", "message"].map(|key| entry[key].as_str().unwrap());
        if ["SEVERE", "WARNING"].contains(&level) {
            found.insert(format!("console: {message}"));
        }
    }
    let own = format!("file://{}", page.display());
    for entry in browser.log("performance") {
        let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        let event = &event["message"];
        if event["method"] != "Network.requestWillBeSent" {
            continue;
        }
        let url = event["params"]["request"]["url"].as_str().unwrap();
        if url != own && !["data:", "chrome:"].iter().any(|scheme| url.starts_with(scheme)) {
            found.insert(format!("resource: the page asked for {url}"));
        }
    }
}
