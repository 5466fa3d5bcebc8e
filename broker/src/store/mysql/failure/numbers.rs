//! What the server's numbers mean: whether the same may be tried again, and whether a number is
//! definite although the statement that it answers may have been committed.
//!
//! A statement with autocommit is its own commit, so whatever fails it may have failed after the
//! commit. A number is definite only where the server's documents say that the statement, or the
//! transaction that a `COMMIT` ends, was refused or rolled back as a whole.

/// What a failure leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was done; the same may work in a moment.
    Passing,
    /// Nothing was done, for the server has no room for one more connection.
    Crowded,
    /// Nothing was done, and the connection is gone.
    Lost,
    /// Nothing was done, and trying again at once is of no use.
    NotDone,
    /// It may have been committed.
    Unknown,
}

/// The row is there already: InnoDB undoes the statement.
pub(super) const DUPLICATE: u16 = 1062;
/// A column that takes no NULL was given one: in strict mode the statement is undone.
pub(super) const NULL: u16 = 1048;
/// The server takes no statement that reads the table it inserts into: nothing was executed.
pub(super) const FORM: u16 = 1093;
/// A lock was waited for too long.
pub(super) const LOCK_WAIT: u16 = 1205;
/// More than max_allowed_packet: the statement was not read, and the server closes the connection.
pub(super) const TOO_LARGE: u16 = 1153;
/// The node is not part of its cluster (Galera), and executes nothing.
pub(super) const NOT_IN_CLUSTER: u16 = 1047;
/// The server only reads now, and another one writes: by --read-only, by the transaction's mode, by
/// InnoDB's.
pub(super) const READ_ONLY: [u16; 3] = [1290, 1792, 1836];

/// A number of the server's.
pub(super) struct Meaning {
    number: u16,
    /// What comes of it.
    pub(super) kind: Kind,
    /// Whether nothing was done, even by a statement that may have been committed.
    pub(super) is_definite: bool,
}

impl Meaning {
    /// Whether another connection may be had in a moment that does not fail like this: the server is
    /// starting, the node on its way back into its cluster, a lock held.
    pub(super) fn passes(&self) -> bool {
        match self.kind {
            Kind::Passing => true,
            Kind::Lost => !self.is_definite || self.number == NOT_IN_CLUSTER,
            _ => false,
        }
    }
}

/// Definite whatever it answers.
const fn definite(number: u16, kind: Kind) -> Meaning {
    Meaning { number, kind, is_definite: true }
}

/// The answer to a statement that is still to be committed: nothing is done. To one that was, it
/// says nothing.
const fn indefinite(number: u16, kind: Kind) -> Meaning {
    Meaning { number, kind, is_definite: false }
}

/// Every number that is not among these means [`OTHER`].
const NUMBERS: [Meaning; 24] = [
    definite(DUPLICATE, Kind::NotDone),
    definite(NULL, Kind::NotDone),
    definite(FORM, Kind::NotDone),
    // Without autocommit only the statement is undone, and the
    // transaction is then rolled back by the store.
    definite(LOCK_WAIT, Kind::Passing),
    // A deadlock, or on a cluster a conflict with what another node has committed, which may come
    // at the COMMIT: the transaction is rolled back, on all nodes.
    definite(1213, Kind::Passing),
    // The same conflict in Group Replication's words.
    definite(3101, Kind::Passing),
    definite(NOT_IN_CLUSTER, Kind::Lost),
    // The table, or its disk, is full.
    definite(1114, Kind::NotDone),
    definite(READ_ONLY[0], Kind::Lost),
    definite(READ_ONLY[1], Kind::Lost),
    definite(READ_ONLY[2], Kind::Lost),
    // There are too many prepared statements, which go with their connection. It was not prepared.
    definite(1461, Kind::Lost),
    definite(TOO_LARGE, Kind::NotDone),
    // The database or a table is not there, so that nothing was executed: it was dropped, and
    // another may be on its way. A new connection will see whose it is.
    definite(1046, Kind::Lost),
    definite(1049, Kind::Lost),
    definite(1146, Kind::Lost),
    // The table has no such column: a broker of another version has changed it.
    definite(1054, Kind::NotDone),
    // The user may no longer write the table.
    definite(1142, Kind::NotDone),
    // The server is starting up, ending, or was told to end this connection.
    indefinite(1053, Kind::Lost),
    indefinite(1077, Kind::Lost),
    indefinite(1079, Kind::Lost),
    indefinite(1317, Kind::Lost),
    indefinite(1927, Kind::Lost),
    indefinite(4031, Kind::Lost),
];

const OTHER: Meaning = indefinite(0, Kind::NotDone);

/// What a number means as the answer to a statement.
pub(super) fn meaning(number: u16) -> &'static Meaning {
    NUMBERS.iter().find(|known| known.number == number).unwrap_or(&OTHER)
}
