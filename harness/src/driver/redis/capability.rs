//! What Redis can do; a server's configuration says what survives.

use ::redis::cmd;

use super::error::Error;
use super::link::Connection;
use super::requests::Requests;
use super::value;
use crate::capability::{Capabilities, Known, Offsets, Survival};

pub(super) const REDIS: Capabilities = Capabilities {
    offsets: Known::Now(Offsets::Both),
    epoch: Known::Now(true),
    reads_log: Known::Now(true),
    resumes: Known::Now(true),
    in_flight: true,
    requests: Some(|| Box::<Requests>::default()),
    survives: Known::AfterConnecting,
    order: "per topic",
    delivery: "at least once",
    ..Capabilities::LEAST
};

/// What a server keeps when it ends without warning, as it says itself.
///
/// With an append-only file a command is written to the file before it is answered, so a killed
/// process loses nothing; whether the machine may lose power depends on when the file is synced.
/// Snapshots alone promise nothing of what came after the last one.
pub(super) async fn survival(connection: &Connection) -> Result<Survival, Error> {
    let status = connection.ask(cmd("INFO").arg("persistence")).await?;
    let is_appended = value::text(&status).is_some_and(|text| text.contains("aof_enabled:1"));
    if !is_appended {
        return Ok(Survival::Nothing);
    }
    let synced = match connection.ask(cmd("CONFIG").arg("GET").arg("appendfsync")).await {
        Ok(synced) => synced,
        // Many servers let nobody see their configuration.
        Err(error) if error.code.is_some() => return Ok(Survival::Kill),
        Err(error) => return Err(error),
    };
    let always = value::beside(&synced, "appendfsync").and_then(value::text) == Some("always");
    Ok(if always { Survival::PowerCut } else { Survival::Kill })
}
