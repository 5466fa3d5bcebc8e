//! Databases on a real MySQL server, each new and one test's own.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use broker::store::Epoch;
use broker::store::mysql::{Address, drop_database};
use private_database::{Url, for_tests};

/// The URL of a database that nobody else has; the store that opens it creates it. The server is the
/// one that HARNESS_MYSQL_URL names, which loses the database again when the test's thread ends;
/// else a private one that ends with this process.
///
/// None where HARNESS_TESTS_WITHOUT_MYSQL=1 leaves out what needs a server; where there is none
/// otherwise, the test fails by what to install.
pub(crate) fn mysql() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = for_tests().unwrap_or_else(|error| panic!("{error}"))?;
    let (count, chance) = (COUNT.fetch_add(1, Ordering::Relaxed), Epoch::random());
    let url = server.of_database(&format!("broker_test_{count}_{chance}"));
    let is_given = Url::from_environment().is_ok_and(|given| given.is_some());
    if is_given {
        TO_DROP.with_borrow_mut(|databases| databases.0.push(url.clone()));
    }
    Some(url)
}

thread_local! {
    static TO_DROP: RefCell<ToDrop> = const { RefCell::new(ToDrop(Vec::new())) };
}

/// What a test has made on a server that goes on living.
struct ToDrop(Vec<String>);

impl Drop for ToDrop {
    fn drop(&mut self) {
        let databases = std::mem::take(&mut self.0);
        if databases.is_empty() {
            return;
        }
        // A thread of its own: this one may still have a runtime on it.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime starts");
            for url in databases {
                let address: Address = url.parse().expect("the store has opened it");
                if let Err(error) = runtime.block_on(drop_database(&address)) {
                    eprintln!("the database {address} is left behind: {error}");
                }
            }
        });
        let _ = dropping.join();
    }
}
