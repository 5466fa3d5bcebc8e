//! The processor time of a process, from /proc.

use std::fs;
use std::path::Path;

use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnectOptions;

use crate::Failed;

/// Ticks of /proc/PID/stat a second, on every Linux.
const TICKS: f64 = 100.0;

/// Microseconds, of user and system, since the process began.
pub(crate) fn microseconds(process: u32) -> Result<f64, Failed> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in brackets, may hold anything.
    let (_, behind) = stat.rsplit_once(") ").ok_or("no name in /proc/PID/stat")?;
    let ticks = behind.split(' ').skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    Ok(ticks as f64 * 1e6 / TICKS)
}

/// The process of the server, where it runs on this machine.
pub(crate) async fn of_server(url: &str) -> Result<Option<u32>, Failed> {
    let mut connection = url.parse::<MySqlConnectOptions>()?.connect().await?;
    let file: String = sqlx::query_scalar("SELECT @@pid_file").fetch_one(&mut connection).await?;
    let process = fs::read_to_string(Path::new(&file)).ok();
    let process = process.and_then(|text| text.trim().parse().ok());
    Ok(process.filter(|process| fs::metadata(format!("/proc/{process}")).is_ok()))
}
