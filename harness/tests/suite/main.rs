//! The integration tests of the harness as one program, so that everything is linked once.
//!
//! They share a process: none of them changes its directory, its environment or anything else that
//! another one would notice. (`driver` raises the limit of open files, which harms none.) The test
//! runner bounds what runs at once to as many tests as there are cores, and a test has the processes
//! of one harness: some brokers and at most one database server.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

mod attempts;
mod audit;
mod bars;
#[cfg(any(
    feature = "kafka",
    feature = "mqtt",
    feature = "nats",
    feature = "rabbitmq",
    feature = "redis"
))]
mod brokers;
mod browser;
mod bugs;
mod check_command;
mod child;
mod cluster;
mod compare;
mod docs;
mod drain;
mod driver;
#[cfg(target_os = "linux")]
mod endings;
mod errors;
mod evidence;
mod exec;
mod explain;
mod external;
mod faults;
mod foreign;
mod formats;
mod fuzz;
mod golden_folder;
mod guarded;
mod imports;
mod load;
mod matrix;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(target_os = "linux")]
mod mysql;
#[cfg(all(feature = "nats", target_os = "linux"))]
mod nats;
mod on;
mod pipelines;
mod plan;
#[cfg(all(feature = "brokers", feature = "storage-faults", target_os = "linux"))]
mod power;
mod process;
mod process_faults;
#[cfg(feature = "brokers")]
mod promises;
#[cfg(target_os = "linux")]
mod recipes;
#[cfg(all(feature = "redis", target_os = "linux"))]
mod redis;
mod refused;
mod relay;
mod repeat;
mod report_schema;
mod reports;
mod retained;
mod review;
mod run;
mod sabotage;
mod scenario;
mod shells;
mod simulation;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
mod storage;
mod summary;
mod thresholds;
mod verbosity;
