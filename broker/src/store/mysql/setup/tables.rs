//! The tables of a store: their columns in every version that there was, and what a broker does in
//! them.

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Each column that it was made with, and its type. One that was renamed has its earlier name
    /// before a `/`.
    pub(super) columns: &'static str,
    /// The columns that later versions added.
    pub(super) added: &'static str,
    /// What a broker that runs has to be allowed; nothing in a table that need not be there.
    pub(super) rights: &'static [Right],
}

/// A right, with the columns that the statements write by it: no more is asked for, as rights may be
/// granted to columns. Nearly all columns are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right {
    Select,
    Insert(&'static str),
    Update(&'static str),
    Delete,
}

/// All of them; those that the migrations make in that order, then those of the migrations
/// themselves.
pub(super) const TABLES: [Table; 9] = [
    Table {
        name: "store",
        columns: "one tinyint, epoch varchar, next_topic int, next_producer bigint, \
                  next_consumer bigint",
        added: "deletions bigint",
        rights: &[
            Right::Select,
            Right::Update("next_topic, next_producer, next_consumer, deletions"),
        ],
    },
    Table {
        name: "topics",
        columns: "id int, name varchar, next_offset/checkpoint bigint",
        added: "kept_from bigint",
        rights: &[
            Right::Select,
            Right::Insert("id, name"),
            Right::Update("checkpoint, kept_from"),
            Right::Delete,
        ],
    },
    Table {
        name: "messages",
        columns: "topic int, offset bigint, producer bigint, sequence bigint, payload longtext",
        added: "first_sequence bigint, appended timestamp",
        rights: &[
            Right::Select,
            // `appended` is written by its default.
            Right::Insert("topic, offset, producer, sequence, first_sequence, payload"),
            Right::Delete,
        ],
    },
    Table {
        name: "producers",
        columns: "id bigint, topic int, next_sequence bigint, last_first bigint, \
                  last_offset bigint",
        added: "sent bigint",
        rights: &[
            Right::Select,
            Right::Insert("id, topic, sent"),
            Right::Update("next_sequence, last_first, last_offset, sent"),
            Right::Delete,
        ],
    },
    Table {
        name: "subscriptions",
        columns: "consumer bigint, topic int, position bigint, polled bigint",
        added: "",
        rights: &[
            Right::Select,
            Right::Insert("consumer, topic, position, polled"),
            Right::Update("position, polled"),
            Right::Delete,
        ],
    },
    Table {
        name: "heartbeats",
        columns: "broker bigint, beats bigint, beaten bigint",
        added: "",
        rights: &[
            Right::Select,
            Right::Insert("broker, beats, beaten"),
            // MariaDB asks it of all columns that an `INSERT ... ON DUPLICATE KEY UPDATE` names.
            Right::Update("broker, beats, beaten"),
        ],
    },
    Table {
        name: "deleted_topics",
        columns: "topic int, deleted timestamp",
        added: "",
        rights: &[Right::Select, Right::Insert("topic"), Right::Delete],
    },
    Table {
        name: NOTES,
        columns: "version bigint, description text, installed_on timestamp, success tinyint, \
                  checksum blob, execution_time bigint",
        added: "",
        rights: &[Right::Select],
    },
    Table { name: CLAIM, columns: "one tinyint, broker varchar", added: "", rights: &[] },
];

/// Where sqlx notes which migrations were done.
pub(super) const NOTES: &str = "_sqlx_migrations";

/// Where a broker on a node of a cluster says that it migrates.
const CLAIM: &str = "migration_claim";

impl Right {
    /// As it is granted.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert(_) => "INSERT",
            Self::Update(_) => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl Table {
    /// The columns that it was made with, as the names that each has had, and its type.
    pub(super) fn made_with(&self) -> impl Iterator<Item = (Vec<&'static str>, &'static str)> {
        columns(self.columns).map(|(names, kind)| (names.split('/').collect(), kind))
    }

    /// Those that were added, and their types.
    pub(super) fn added(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        columns(self.added)
    }

    /// The names of all columns as they are now.
    pub(super) fn columns_now(&self) -> impl Iterator<Item = &'static str> {
        let made = self.made_with().filter_map(|(names, _)| names.last().copied());
        made.chain(self.added().map(|(name, _)| name))
    }
}

fn columns(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.split(", ").filter_map(|column| column.split_once(' '))
}

#[cfg(test)]
mod tests {
    use super::super::migrations::MIGRATIONS;
    use super::*;

    #[test]
    fn the_first_tables_are_those_that_the_migrations_make() {
        let made: Vec<_> = MIGRATIONS
            .iter()
            .filter_map(|(_, sql)| {
                let (_, rest) = sql.split_once("CREATE TABLE IF NOT EXISTS ")?;
                rest.split(' ').next()
            })
            .collect();
        let names: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        assert_eq!(names[..made.len()], made);
        assert_eq!(names[made.len()..], [NOTES, CLAIM]);
    }
}
