//! A real browser: headless Chromium by WebDriver.
//!
//! ```no_run
//! # async fn test() {
//! let browser = harness::browser::Browser::start().await;
//! browser.open("http://127.0.0.1:8080").await;
//! browser.click("a.product").await;
//! browser.fill("input[name=quantity]", "2").await;
//! browser.click("button[type=submit]").await;
//! browser.wait_for_text("#state", "confirmed").await;
//! assert_eq!(browser.errors().await, [] as [String; 0]);
//! # }
//! ```
//!
//! Elements are named by CSS selectors; whatever acts on one waits until it is there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};

use crate::guard::Folder;
use crate::http::Client;
use crate::ports::Port;
use crate::process::{Process, Program};
use crate::{eventually, eventually_within};

/// How long an element may take to appear.
const LIMIT: Duration = Duration::from_secs(20);

/// Without the switches for background networking Chromium asks its maker's servers for this and that at every start.
/// By the pipe it ends when its driver does. Without motion, an element is where it was scrolled to when it is clicked.
const SWITCHES: [&str; 15] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--force-prefers-reduced-motion",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--window-size=1280,960",
];

/// The key by which WebDriver marks an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with an empty profile. It ends with its handle.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: String,
    // In this order: the driver must be gone before its profile is.
    _driver: Process,
    _profile: Folder,
    _port: Port,
}

fn program(names: &[&str], package: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    names
        .iter()
        .flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{} is not installed: apt-get install {package}", names.join(" or ")))
}

impl Browser {
    /// Starts one.
    pub async fn start() -> Self {
        let chromium = program(&["chromium", "chromium-browser", "google-chrome"], "chromium");
        let driver = program(&["chromedriver"], "chromium-driver");
        let (port, profile) = (Port::free(), Folder::new("browser"));
        // The home too, since Chromium writes there besides its profile.
        let driver = Program::new(driver).arg(format!("--port={}", port.number())).env("HOME", profile.path()).start();
        let client = Client::new(format!("http://127.0.0.1:{}", port.number()));
        let mut browser = Self { client, session: String::new(), _driver: driver, _profile: profile, _port: port };
        eventually("chromedriver answers", async || browser.client.get("/status").try_send().await.ok()).await;
        let mut switches: Vec<String> = SWITCHES.iter().map(ToString::to_string).collect();
        switches.push(format!("--user-data-dir={}", browser._profile.join("profile").display()));
        let wish = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": switches },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.call(Method::POST, "/session", &wish).await;
        let id = session["sessionId"].as_str().unwrap_or_else(|| panic!("no session but {session}"));
        browser.session = format!("/session/{id}");
        browser
    }

    /// Opens a page and waits until it has loaded.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// The address of the page.
    pub async fn url(&self) -> String {
        text(self.get("/url").await)
    }

    /// The title of the page.
    pub async fn title(&self) -> String {
        text(self.get("/title").await)
    }

    /// The page's source as the browser has it now.
    pub async fn source(&self) -> String {
        text(self.get("/source").await)
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.post("/refresh", json!({})).await;
    }

    /// The number of elements now.
    pub async fn count(&self, selector: &str) -> usize {
        let found = self.post("/elements", json!({ "using": "css selector", "value": selector })).await;
        found.as_array().map_or(0, Vec::len)
    }

    /// Waits for the element.
    pub async fn wait_for(&self, selector: &str) {
        self.element(selector).await;
    }

    /// Clicks the element; a click that leads to another page returns when that has loaded.
    pub async fn click(&self, selector: &str) {
        self.act(selector, "/click", &json!({})).await;
    }

    /// Clicks the link or button whose text is `text`, spaces around it aside.
    pub async fn click_text(&self, text: &str) {
        let quoted = xpath_string(text);
        let path = format!("//*[self::a or self::button or self::summary or self::label][normalize-space()={quoted}]");
        self.act_on(&path, "xpath", "/click", &json!({})).await;
    }

    /// Types into the element, behind what is there.
    pub async fn type_text(&self, selector: &str, text: &str) {
        self.act(selector, "/value", &json!({ "text": text })).await;
    }

    /// Replaces what is in the field.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.act(selector, "/clear", &json!({})).await;
        self.type_text(selector, text).await;
    }

    /// The visible text of the element.
    pub async fn text(&self, selector: &str) -> String {
        eventually_within(LIMIT, &format!("the text of `{selector}`"), async || self.text_now(selector).await).await
    }

    /// The visible text of every such element now.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())";
        let found = self.run(script, json!([selector])).await;
        found.as_array().into_iter().flatten().map(|value| text(value.clone())).collect()
    }

    /// The value of an attribute of the element.
    pub async fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let element = self.element(selector).await;
        self.get(&format!("/element/{element}/attribute/{name}")).await.as_str().map(str::to_owned)
    }

    /// Waits until the visible text of the element contains `part`, and gives the text.
    pub async fn wait_for_text(&self, selector: &str, part: &str) -> String {
        self.wait_for_text_within(LIMIT, selector, part).await
    }

    /// Waits, at most for `limit`, until the visible text of the element contains `part`, and gives the text.
    pub async fn wait_for_text_within(&self, limit: Duration, selector: &str, part: &str) -> String {
        let what = format!("`{selector}` contains `{part}`");
        eventually_within(limit, &what, async || self.text_now(selector).await.filter(|text| text.contains(part))).await
    }

    /// Waits until the page's address contains `part`, and gives the address.
    pub async fn wait_for_url(&self, part: &str) -> String {
        let what = format!("the address contains `{part}`");
        eventually_within(LIMIT, &what, async || Some(self.url().await).filter(|url| url.contains(part))).await
    }

    /// What a script returns; its arguments are `arguments[0]` and so on.
    pub async fn run(&self, script: &str, arguments: Value) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Sets the size of the window.
    pub async fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", json!({ "width": width, "height": height })).await;
    }

    /// Writes what the window shows as a PNG.
    pub async fn screenshot(&self, file: impl AsRef<Path>) {
        let picture = decode_base64(&text(self.get("/screenshot").await));
        let file = file.as_ref();
        std::fs::write(file, picture).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }

    /// What the console has had of errors since the last call: failed scripts, missing files, refused connections.
    pub async fn errors(&self) -> Vec<String> {
        let log = self.post("/se/log", json!({ "type": "browser" })).await;
        let lines = log.as_array().into_iter().flatten();
        lines.filter(|line| line["level"] == "SEVERE").map(|line| text(line["message"].clone())).collect()
    }

    async fn element(&self, selector: &str) -> String {
        let what = format!("there is an element `{selector}`");
        eventually_within(LIMIT, &what, async || self.element_now(selector, "css selector").await).await
    }

    async fn element_now(&self, selector: &str, using: &str) -> Option<String> {
        let wish = json!({ "using": using, "value": selector });
        let found = self.try_call(Method::POST, &format!("{}/element", self.session), &wish).await.ok()?;
        found[ELEMENT].as_str().map(str::to_owned)
    }

    async fn text_now(&self, selector: &str) -> Option<String> {
        let element = self.element_now(selector, "css selector").await?;
        let path = format!("{}/element/{element}/text", self.session);
        self.try_call(Method::GET, &path, &Value::Null).await.ok().map(text)
    }

    async fn act(&self, selector: &str, what: &str, body: &Value) {
        self.act_on(selector, "css selector", what, body).await;
    }

    /// Tries until it succeeds: an element may be replaced, covered or not yet shown.
    async fn act_on(&self, selector: &str, using: &str, what: &str, body: &Value) {
        let start = Instant::now();
        loop {
            let done = match self.element_now(selector, using).await {
                Some(element) => {
                    let path = format!("{}/element/{element}{what}", self.session);
                    self.try_call(Method::POST, &path, body).await
                }
                None => Err("it is not there".to_owned()),
            };
            let Err(error) = done else { return };
            let late = start.elapsed() > LIMIT;
            assert!(!late, "cannot do {what} on `{selector}`: {error}; the page is\n{}", self.source().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, &format!("{}{path}", self.session), &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, &format!("{}{path}", self.session), &body).await
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_call(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.client.request(method, path).timeout(Duration::from_secs(90));
        let answer = if body.is_null() { request } else { request.json(body) }.try_send().await?;
        let value = answer.json()["value"].clone();
        if answer.status() == 200 {
            return Ok(value);
        }
        Err(format!("the browser says {}: {}", text(value["error"].clone()), text(value["message"].clone())))
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// XPath has no escapes: a text with both kinds of quotes is put together from parts.
fn xpath_string(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(",\"'\","))
}

fn decode_base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    let group = |four: &[u8]| {
        let bits = four.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - four.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(four.len() * 6 / 8)
    };
    digits.chunks(4).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_every_padding() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")] {
            assert_eq!(decode_base64(text), bytes.as_bytes());
        }
        assert_eq!(decode_base64("+/+/"), [0xfb, 0xff, 0xbf]);
    }

    #[test]
    fn any_text_can_be_looked_for() {
        assert_eq!(xpath_string("plain"), "'plain'");
        assert_eq!(xpath_string("it's"), "concat('it',\"'\",'s')");
    }
}
