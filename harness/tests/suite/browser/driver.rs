//! A Chromium without a window, led by chromedriver over WebDriver
//! (<https://www.w3.org/TR/webdriver2/>): plain HTTP on a port of 127.0.0.1 that it chooses itself.
//! Both end with the value, also where a test fails.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::support::missing::not_run_unless;
use crate::support::{Folder, PATIENCE, in_group, wait_for};

/// The programs by the names that distributions give them.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const DRIVER: &str = "chromedriver";

/// What tells that a test may not be left out.
const REQUIRED: &str = "HARNESS_REQUIRE_BROWSER";

/// Keys as WebDriver names them.
pub(super) const TAB: char = '\u{e004}';
pub(super) const ENTER: char = '\u{e007}';

/// A browser with one page.
pub(super) struct Browser {
    chromedriver: Child,
    port: u16,
    session: String,
    _folder: Folder,
}

impl Browser {
    /// None where there is no browser, which is told.
    pub(super) fn start() -> Option<Self> {
        let (Some(chromium), Some(chromedriver)) =
            (BROWSERS.iter().find_map(|name| on_path(name)), on_path(DRIVER))
        else {
            not_run_unless(
                REQUIRED,
                "no Chromium with its chromedriver on the PATH (ci/browser.sh installs them)",
            );
            return None;
        };
        let folder = Folder::new();
        let log = folder.join("chromedriver.log");
        let mut command = Command::new(chromedriver);
        // A group of their own: the browser's processes are in it too, and are found by it.
        command.arg("--port=0").process_group(0).current_dir(folder.path());
        command.env("TMPDIR", folder.path()).env("HOME", folder.path());
        command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(File::create(&log).unwrap());
        let mut browser = Self {
            chromedriver: command.spawn().unwrap(),
            port: 0,
            session: String::new(),
            _folder: folder,
        };
        browser.port = wait_for("chromedriver to listen", || {
            let log = fs::read_to_string(&log).ok()?;
            let (_, port) = log.split_once("successfully on port ")?;
            port.split_once('.')?.0.parse().ok()
        });
        browser.session = browser.new_session(&chromium);
        browser.post("timeouts", &json!({ "script": 120_000 }));
        Some(browser)
    }

    fn new_session(&self, chromium: &Path) -> String {
        let arguments = [
            "--headless=new",
            // It cannot have its sandbox as root, nor in most containers; it opens only our pages.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-proxy-server",
        ];
        let options = json!({ "binary": chromium, "args": arguments });
        let capabilities = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = self.request("POST", "/session", &wanted.to_string()).unwrap();
        answer["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}")).to_owned()
    }

    /// Opens a file, and waits until all of it has been read.
    pub(super) fn open(&self, page: &Path) {
        self.post("url", &json!({ "url": format!("file://{}", page.display()) }));
        // chromedriver seldom answers while a page of megabytes is still being read.
        let state = || self.script("return document.readyState", &json!([]));
        wait_for("the page to be complete", || (state() == json!("complete")).then_some(()));
    }

    /// What a script returns.
    pub(super) fn script(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// What a script gives to its last argument, a function, in its own time.
    pub(super) fn script_later(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/async", &json!({ "script": script, "args": arguments }))
    }

    /// What only Chromium knows (<https://chromedevtools.github.io/devtools-protocol/>).
    pub(super) fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// What has been logged since it was last asked for.
    pub(super) fn log(&self, kind: &str) -> Vec<Value> {
        self.post("se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    /// Presses a key, again and again.
    pub(super) fn press(&self, key: char, times: usize) {
        let once =
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let keys = vec![once; times].concat();
        self.post(
            "actions",
            &json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] }),
        );
    }

    /// The page as it looks from its beginning, at most so high: a PNG.
    pub(super) fn picture(&self, width: u32, highest: u64) -> Vec<u8> {
        let height = self.script("return document.documentElement.scrollHeight", &json!([]));
        let height = height.as_u64().unwrap().min(highest);
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let wanted = json!({ "clip": clip, "captureBeyondViewport": true });
        let picture = self.chromium("Page.captureScreenshot", &wanted);
        from_base64(picture["data"].as_str().unwrap())
    }

    /// A page of a print, in base64; none past the last one.
    pub(super) fn print(&self, page: usize) -> Option<String> {
        let wanted = json!({ "pageRanges": [page.to_string()] }).to_string();
        let answer = self.request("POST", &self.path("print"), &wanted).unwrap();
        answer.as_str().map(str::to_owned)
    }

    fn path(&self, command: &str) -> String {
        format!("/session/{}/{command}", self.session)
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        let answer = self.request("POST", &self.path(command), &body.to_string()).unwrap();
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer
    }

    /// A call, and the value of its answer.
    fn request(&self, method: &str, path: &str, body: &str) -> io::Result<Value> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut answer = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while answer.read_line(&mut line)? > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(number) = header.strip_prefix("content-length:") {
                length = number.trim().parse().map_err(io::Error::other)?;
            }
            line.clear();
        }
        let mut text = vec![0; length];
        answer.read_exact(&mut text)?;
        let mut answer: Value = serde_json::from_slice(&text)?;
        Ok(answer["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to, the browser ends its own processes; killed, it would leave them to init.
        if !self.session.is_empty() {
            let path = format!("/session/{}", self.session);
            let _ = self.request("DELETE", &path, "");
        }
        let group = Pid::from_child(&self.chromedriver);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.chromedriver.wait();
        // Its folder cannot be removed while anybody writes in it.
        wait_for("the browser to end", || in_group(group).is_empty().then_some(()));
    }
}

/// What base64 stands for.
fn from_base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        (bits, count) = (bits << 6 | u32::from(digit), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

/// A program of this name, where those are that can be started.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // GitHub's machines have their chromedriver in a folder that this variable names.
    let own = std::env::var_os("CHROMEWEBDRIVER").map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(own)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
