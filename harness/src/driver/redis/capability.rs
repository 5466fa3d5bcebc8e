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

/// What a server keeps when it ends without warning, by its configuration and its documents: with an
/// append-only file "a single write" may be lost where its process is killed, and with `everysec` a
/// second of them where the machine loses power (redis.conf). Snapshots alone promise nothing of what
/// came after the last one.
///
/// That is what it promises, and not what it does: with `everysec` a write is put off for as long as
/// two seconds while the one before is synced, and is answered all the same.
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
