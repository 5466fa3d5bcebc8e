//! The server that the tests of one process share.

use std::sync::OnceLock;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::installed::Installed;
use crate::server::Options;
use crate::url::Url;
use crate::watched::Watched;

/// The variable by which tests on MySQL are left out.
pub const WITHOUT: &str = "HARNESS_TESTS_WITHOUT_MYSQL";

/// Where the tests of this process find a MySQL server: the one that [`URL_VARIABLE`] names, else a
/// private one that is started once. None where [`WITHOUT`] is 1: they are left out then.
///
/// [`URL_VARIABLE`]: crate::url::URL_VARIABLE
///
/// # Errors
/// One line that says what to install, or what is wrong with a variable. A test fails with it.
pub fn for_tests() -> Result<Option<&'static Url>, &'static Error> {
    static SHARED: OnceLock<Result<Option<Shared>, Error>> = OnceLock::new();
    let shared = SHARED.get_or_init(find).as_ref()?;
    Ok(shared.as_ref().map(|shared| &shared.url))
}

/// Whether tests can have a cluster. Where not, and they are not left out by [`WITHOUT`], a line on
/// standard error says what to install.
///
/// # Panics
/// With that line, where `HARNESS_REQUIRE_SERVERS` is 1.
pub fn has_cluster_for_tests() -> bool {
    let is_set = |variable| std::env::var(variable).is_ok_and(|value| value == "1");
    if is_set(WITHOUT) {
        return false;
    }
    let found = Installed::find().and_then(|installed| Cluster::provider(&installed));
    let missing = found.err();
    if let Some(why) = &missing {
        assert!(!is_set("HARNESS_REQUIRE_SERVERS"), "{why}");
        eprintln!("NOT RUN: {why}");
    }
    missing.is_none()
}

struct Shared {
    url: Url,
    /// A static is never dropped; the end of the process ends it.
    _server: Option<Watched>,
}

fn find() -> Result<Option<Shared>, Error> {
    match std::env::var(WITHOUT).unwrap_or_default().as_str() {
        "" | "0" => {}
        "1" => return Ok(None),
        other => return Err(Error::Variable { variable: WITHOUT, value: other.to_owned() }),
    }
    if let Some(url) = Url::from_environment()? {
        return Ok(Some(Shared { url, _server: None }));
    }
    let server = Watched::start(Options::default())?;
    Ok(Some(Shared { url: server.url(), _server: Some(server) }))
}
