//! Why nothing can be done to the disk of what keeps the data.

use crate::fault::{Fault, Medium, StorageFault};
use crate::scenario::broker::Broker;
use crate::scenario::model::Scenario;

/// What is known of the disk that faults of the storage would be about.
#[derive(Clone, Copy, Debug)]
pub struct Disk<'a> {
    /// Why the harness can put none of its own below a server here; none where it can.
    pub unavailable: Option<&'a str>,
    /// Whether a broker without a database keeps its data in files.
    pub has_files: bool,
    /// Whether that folder is to be there after the run.
    pub is_kept: bool,
}

/// That nobody knows where the data of a server of the user's own is.
pub(super) fn unknown(broker: &Broker) -> Option<String> {
    let server = broker.options.server.as_ref()?;
    let why = "nobody knows where the server's data is: say it, `data: \"{folder}\"`";
    server.data.is_none().then(|| why.to_owned())
}

/// What keeps a disk from having this done to it.
pub(super) fn refused(disk: &Disk<'_>, broker: &Broker, cure: &str) -> Option<String> {
    if !broker.store.has_database() && !disk.has_files {
        return Some(format!("{} keeps nothing on a disk; {cure}", broker.on));
    }
    if disk.is_kept {
        let why = "the disk is the harness's own and gone with the run, and --keep-data keeps one";
        return Some(format!("{why}; leave one of the two out"));
    }
    disk.unavailable.map(str::to_owned)
}

/// That the disk would have to be like another fault's, which comes before this one, and also like its
/// own.
pub(super) fn disagrees(scenario: &Scenario, fault: &Fault) -> Option<String> {
    let medium = |fault: &Fault| fault.action.effect.storage().and_then(StorageFault::medium);
    let own = medium(fault)?;
    let other = scenario.faults.iter().find_map(|other| Some((other, medium(other)?)))?;
    let (other, wanted) = other;
    let key = differs(own, wanted)?;
    let line = other.line;
    Some(format!("the run has one disk, and line {line} asks for another `{key}`"))
}

/// The setting in which two differ.
fn differs(one: Medium, other: Medium) -> Option<&'static str> {
    let Medium { directories, settled, fsync } = one;
    let keys = [
        ("directories", directories != other.directories),
        ("settled", settled != other.settled),
        ("fsync", fsync != other.fsync),
    ];
    keys.into_iter().find_map(|(key, differs)| differs.then_some(key))
}
