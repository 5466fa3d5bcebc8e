//! Each rule is proved by a page that is broken in just that way.

use std::collections::BTreeSet;

use super::driver::Browser;
use super::rules::{axe, inspect};
use crate::support::Folder;

/// A page that breaks no rule, with a marker for what a test puts into it.
const FINE: &str = r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fine</title>
<style>
:root { color-scheme: light dark; }
body { background: Canvas; }
.wide { overflow-x: auto; }
.skip:not(:focus) { position: absolute; left: -999px; }
.readers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
button { min-height: 32px; }
html:not(.scripted) button { display: none; }
</style>
</head>
<body>
<a class="skip" href="#first">Skip</a>
<header><h1>A page</h1></header>
<main>
<p class="readers">For readers of screens</p>
<h2 id="first">First</h2>
<p>Some words, and a <a href="#first">link</a> and a <a href="fine.html#first">file</a>.</p>
<button id="go" type="button">Go</button><span id="answer"></span>
<div class="wide" tabindex="0" role="region" aria-label="A wide table">
<table><tr><th scope="col">one</th></tr><tr><td><div style="width: 2000px">wide</div></td></tr></table>
</div>
<svg width="100" height="40" viewBox="0 0 100 40" role="img" aria-label="A drawing">
<rect width="100" height="20" fill="#123"></rect><text x="2" y="14" fill="#fff">white</text>
<text x="2" y="34" fill="currentColor">ink</text>
</svg>
<!-- here -->
</main>
<script>
document.documentElement.classList.add("scripted");
document.getElementById("go").addEventListener("click", () => {
  document.getElementById("answer").textContent = " gone";
});
</script>
</body>
</html>
"##;

/// The marker that most breaches take the place of.
const HERE: &str = "<!-- here -->";

/// The rule, what is replaced in the page that is fine, and by what.
const BREACHES: &[(&str, &str, &str)] = &[
    ("overflow", HERE, r#"<div style="width: 1500px">wide</div>"#),
    ("overflow", HERE, r#"<p style="position: relative; left: -90px">left</p>"#),
    (
        "cut",
        HERE,
        r#"<p style="width: 90px; overflow: hidden; white-space: nowrap">as long as that</p>"#,
    ),
    ("cut", r#"<text x="2" y="34""#, r#"<text x="90" y="34""#),
    ("overlap", "ink</text>", r#"ink</text><text x="9" y="36" fill="currentColor">more</text>"#),
    ("contrast", HERE, r#"<p style="color: #888; background: #777">grey</p>"#),
    (
        "contrast",
        HERE,
        r#"<div style="background: #fff; color: #000"><p style="opacity: .4">faded</p></div>"#,
    ),
    (
        "contrast",
        HERE,
        r#"<p style="color: #000; background: linear-gradient(#fff, #333)">a gradient</p>"#,
    ),
    (
        "contrast",
        r##"<rect width="100" height="20" fill="#123">"##,
        r##"<rect width="100" height="20" fill="#aaa">"##,
    ),
    ("small", HERE, r#"<p style="font-size: 8px">small</p>"#),
    ("dark", "color-scheme: light dark;", "color-scheme: light;"),
    ("dark", "color-scheme: light dark;", "color-scheme: dark;"),
    (
        "name",
        HERE,
        r##"<a href="#first"><span aria-hidden="true"></span><img alt="" width="9" height="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></a>"##,
    ),
    ("name", r#"role="img" aria-label="A drawing""#, ""),
    (
        "name",
        HERE,
        r#"<img width="9" height="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">"#,
    ),
    ("lang", r#"<html lang="en">"#, "<html>"),
    ("title", "<title>fine</title>", ""),
    ("viewport", "width=device-width, ", ""),
    ("headings", "<h1>A page</h1>", "<p>A page</p>"),
    ("headings", HERE, "<h4>Deep</h4>"),
    ("table", r#"<th scope="col">one</th>"#, "<td>one</td>"),
    ("id", HERE, r#"<p id="first">again</p>"#),
    ("id", HERE, r#"<p aria-describedby="nowhere">described</p>"#),
    ("id", r#"<rect width="100""#, r##"<use href="#nowhere"></use><rect width="100""##),
    ("link", r##"href="#first""##, r##"href="#second""##),
    ("link", "fine.html#first", "nowhere.txt"),
    ("link", "fine.html#first", "/"),
    ("target", "min-height: 32px;", "height: 16px; padding: 0;"),
    ("keyboard", r#" tabindex="0""#, ""),
    (
        "keyboard",
        HERE,
        r##"<a href="#first" onfocus="this.blur()">first</a><script>document.querySelector("[onfocus]").addEventListener("focusin", (event) => event.stopImmediatePropagation(), true)</script>"##,
    ),
    ("focus", "button {", ":focus { outline: none; } button {"),
    ("button", r#" gone""#, r#"""#),
    ("no scripts", "html:not(.scripted) button { display: none; }", ""),
    ("no scripts", HERE, r#"<script>document.write("word ".repeat(99))</script>"#),
    (
        "print",
        HERE,
        r#"<div style="break-before: page"></div><p style="break-before: page">on</p>"#,
    ),
    ("console", HERE, r#"<script>console.warn("hm")</script>"#),
    ("console", HERE, "<script>nothing()</script>"),
    ("resource", HERE, r#"<img alt="" src="fine.html">"#),
    ("resource", ".wide {", "p:hover { background: url(fine.html) } .wide {"),
    ("resource", HERE, r#"<script>new Image().src = "fine.html"</script>"#),
];

/// The names of the rules that are broken.
fn rules(found: &BTreeSet<String>) -> BTreeSet<&str> {
    found.iter().filter_map(|line| line.split_once(':')).map(|(rule, _)| rule).collect()
}

#[test]
fn each_rule_is_broken_by_a_page_that_is_broken_in_that_way() {
    let Some(browser) = Browser::start() else { return };
    let folder = Folder::new();
    let page = folder.join("page.html");
    folder.write("fine.html", FINE);
    assert_eq!(inspect(&browser, &folder.join("fine.html"), None), BTreeSet::new());
    let mut mistaken = Vec::new();
    for (rule, old, new) in BREACHES {
        assert!(FINE.contains(old), "{old}");
        folder.write("page.html", &FINE.replacen(old, new, 1));
        let found = inspect(&browser, &page, None);
        if rules(&found) != BTreeSet::from([*rule]) {
            mistaken.push((rule, new, found));
        }
    }
    assert!(mistaken.is_empty(), "{mistaken:#?}");
}

#[test]
fn axe_is_asked_where_it_is_named() {
    let Some(axe) = axe() else {
        eprintln!("NOT RUN: axe-core, which HARNESS_AXE does not name (ci/browser.sh fetches it)");
        return;
    };
    let Some(browser) = Browser::start() else { return };
    let folder = Folder::new();
    folder.write("fine.html", FINE);
    folder.write("page.html", &FINE.replace(r#"<html lang="en">"#, "<html>"));
    let page = folder.join("page.html");
    assert_eq!(inspect(&browser, &folder.join("fine.html"), Some(&axe)), BTreeSet::new());
    let found = inspect(&browser, &page, Some(&axe));
    let axe = "axe html-has-lang: ";
    assert!(found.iter().any(|line| line.starts_with(axe)), "{found:#?}");
}
