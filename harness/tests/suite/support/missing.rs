//! What a machine may lack that tests need. It is told, and they are not run; HARNESS_REQUIRE_SERVERS=1
//! makes that an error, for a browser HARNESS_REQUIRE_BROWSER=1.

/// Tells why a test is not run.
pub(crate) fn not_run(why: &str) {
    not_run_unless("HARNESS_REQUIRE_SERVERS", why);
}

/// The same for what another variable requires.
pub(crate) fn not_run_unless(required: &str, why: &str) {
    let is_required = std::env::var(required).is_ok_and(|it| it == "1");
    assert!(!is_required, "{why}");
    eprintln!("NOT RUN: {why}");
}

/// Whether faults of the storage can be had; why not is told.
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
pub(crate) fn has_storage_faults() -> bool {
    harness::storage::unavailable().inspect(|why| not_run(why)).is_none()
}
