//! URLs that name a broker which runs already.

use broker_client::wire::masked;

use super::named::{Named, Way};
use crate::driver;

/// One system, at one or several addresses: `http://h1:5000+http://h2:5000`.
pub(super) fn of_urls(text: &str) -> Result<Named, String> {
    if text.starts_with("mysql://") {
        return Err(format!(
            "{}: a broker is named by a word, not by its database: write `mysql`, and name the \
             server by HARNESS_MYSQL_URL in the environment",
            masked(text)
        ));
    }
    if !text.contains("://")
        && let Err(why) = driver::parse_url(text)
    {
        return Err(format!("broker address \"{}\": {why}", masked(text)));
    }
    let mut urls: Vec<String> = Vec::new();
    let mut scheme = None::<&str>;
    // A scheme may have a plus of its own, `nats+tls://`.
    for part in text.split('+') {
        match (part.contains("://"), scheme.take()) {
            (true, Some(before)) => urls.push(format!("{before}+{part}")),
            (true, None) => urls.push(part.to_owned()),
            (false, None) => scheme = Some(part),
            (false, Some(_)) => return Err(format!("{}: two URLs are joined by +", masked(text))),
        }
    }
    if scheme.is_some() {
        return Err(format!("{}: two URLs are joined by +", masked(text)));
    }
    let mut addresses = Vec::new();
    let mut driver = None;
    for url in &urls {
        let shown = masked(url);
        let (row, address) =
            driver::parse_url(url).map_err(|why| format!("broker address \"{shown}\": {why}"))?;
        if addresses.contains(&address) {
            return Err(format!("broker address \"{shown}\" is given twice"));
        }
        if *driver.get_or_insert(row.word) != row.word {
            return Err(format!("broker address \"{shown}\": one system speaks one protocol"));
        }
        addresses.push(address);
    }
    let urls: Vec<_> = urls.iter().map(|url| masked(url)).collect();
    let driver = driver.expect("a text with :// has a URL");
    Ok(Named::new(&urls.join("+"), driver, Way::Running(addresses, urls)))
}
