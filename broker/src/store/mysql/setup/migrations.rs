//! The migrations of a database, in order.

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The migrations from version 1 on: description and SQL. Never change one that has been released:
/// the database keeps its checksum.
pub(super) const MIGRATIONS: [(&str, &str); 14] = [
    ("store", include_str!("../../../../migrations/0001_store.sql")),
    ("topics", include_str!("../../../../migrations/0002_topics.sql")),
    ("messages", include_str!("../../../../migrations/0003_messages.sql")),
    ("producers", include_str!("../../../../migrations/0004_producers.sql")),
    ("subscriptions", include_str!("../../../../migrations/0005_subscriptions.sql")),
    ("heartbeats", include_str!("../../../../migrations/0006_heartbeats.sql")),
    ("first sequence", include_str!("../../../../migrations/0007_first_sequence.sql")),
    ("checkpoint", include_str!("../../../../migrations/0008_checkpoint.sql")),
    ("deletions", include_str!("../../../../migrations/0009_deletions.sql")),
    ("sent", include_str!("../../../../migrations/0010_sent.sql")),
    ("deleted topics", include_str!("../../../../migrations/0011_deleted_topics.sql")),
    ("producers by topic", include_str!("../../../../migrations/0012_producers_by_topic.sql")),
    ("kept from", include_str!("../../../../migrations/0013_kept_from.sql")),
    ("appended", include_str!("../../../../migrations/0014_appended.sql")),
];

/// The version that this broker needs.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// All of them.
pub(super) fn migrator() -> Migrator {
    migrator_of(&MIGRATIONS)
}

/// Those of a version.
pub(super) fn migrator_of(migrations: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, &(description, sql)): (i64, &(&'static str, &'static str))| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    };
    let mut migrator = Migrator::with_migrations((1..).zip(migrations).map(migration).collect());
    migrator.set_locking(false);
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_an_earlier_broker_migrated_opens() {
        // The rows of its table `_sqlx_migrations`; sqlx refuses another checksum.
        let released = [
            "1 store 19ddfc6ab5e67cc54248fa5b96da3b8846c1e97df0a00a03707274ec79206dfc3a55d96ebb16d81a233db537d7bb9971",
            "2 topics 2eeab1f2cd5c5f069660ed631ef58d62fe69978a9d0884699dcf203ecb1c5c97f5ea7b1137de48d885c290a1c2ada149",
            "3 messages b8ddfaffc96b7eb5f5eaa0dfb5b8581ee73c2faa1427b4c032adaf5527abb4ef2ee6770221b3c91a274ff60cfcaf3c63",
            "4 producers 9887148120d34831c3fd825bd7068004158e8c4e250da6a64973be6febf0ffa033130822f80fb15df50abbc479050f53",
            "5 subscriptions 10638077f12af4953c7232ce67da75ed5049c6a2b615bbdc76e2b49a19719fc48dce9f06bd4598c6a7fae43f80d66517",
            "6 heartbeats 092951706d3732dfae8782924f6efa8de4aa8286abad5013f7eefbb4972112dc1f6521bd02387aab54a3d32655aa5f50",
            "7 first sequence 16bab2346abfaf540c474b86f5ed77771b7021a8a251f2245820db52a109589dec8b74b82e979924b06e961bc6510120",
            "8 checkpoint 71c2815cf1dbd2f17c68046262e1f52e75c527106b01c8b401c85d0ebed7d0384ddab88a7e589f34ed5119cb5c41224e",
            "9 deletions 8aa3c0ee6ea1747530c4676329fa03b24e004029a1377d1110ad4d0c4b56fbef7cc15a59836090a793a9d8b2321027b7",
            "10 sent 9e9a46faa928fad57627499d8dd0120efa8f36af2724e9b0cfd6945076b9870abea559d75e06a9ae7d85f2b7b9506eb6",
            "11 deleted topics 3b66b1f98d3f387f2659d6750240a02abe6ab84b83e7c868e440d3d23f906f2c791c773fa6a8a2ee52157a2d1a50f346",
            "12 producers by topic bc83981dc7206055a6f3a781a70a1978017a111b79699b3bcf34c2dc58f62add706c22a6375c3badfa98226cae0b8cc5",
            "13 kept from bccc2ff5caa04619ecf0b4d3f1a584bb6b3ebafde6f87d252fb246065a9de6d54038ddfd71a27302d49a5fe6dde8e26a",
            "14 appended 1c26d1f89bebee76d1aae8306583c4149819ade1b8c9963c01434255d898cb9921e178d529fff4f8237968c4bee32329",
        ];
        let row = |one: &Migration| {
            let checksum: String = one.checksum.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {} {checksum}", one.version, one.description)
        };
        assert_eq!(migrator().iter().map(row).collect::<Vec<_>>(), released);
    }
}
