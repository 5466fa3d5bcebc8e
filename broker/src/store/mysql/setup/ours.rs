//! Whose the tables in a database are. Before anything is changed, a table of one of our names has to
//! be as one of our versions made it: the migrations would change somebody else's otherwise.

use std::collections::BTreeMap;

use anyhow::bail;
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::migrations::migrator;
use super::said::said;
use super::tables::{NOTES, TABLES, Table};

/// Columns with their types.
type Columns = BTreeMap<String, String>;

/// Refuses a database in which a table of our names is somebody else's.
pub(super) async fn check_ours(on: &mut MySqlConnection) -> anyhow::Result<()> {
    let there = tables(on).await.map_err(said)?;
    for (table, columns) in TABLES.iter().filter_map(|table| Some((table, there.get(table.name)?)))
    {
        if let Some(odd) = odd(table, columns) {
            bail!(not_ours(table.name, &odd));
        }
    }
    if there.contains_key(NOTES) {
        let odd = odd_version(on).await.map_err(said)?;
        if let Some(version) = odd {
            bail!(not_ours(NOTES, &format!("the version {version} in it is not")));
        }
    }
    Ok(())
}

fn not_ours(table: &str, odd: &str) -> String {
    format!(
        "its table `{table}` is not that of a broker: {odd}; nothing was changed: name another \
         database"
    )
}

/// The tables of our names that are there.
async fn tables(on: &mut MySqlConnection) -> Result<BTreeMap<String, Columns>, sqlx::Error> {
    let names: Vec<_> = TABLES.iter().map(|table| format!("'{}'", table.name)).collect();
    let query = format!(
        "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(data_type AS CHAR)
         FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name IN ({})",
        names.join(", ")
    );
    let rows: Vec<(String, String, String)> =
        sqlx::query_as(AssertSqlSafe(query)).fetch_all(on).await?;
    let mut tables = BTreeMap::<_, Columns>::new();
    for (table, column, kind) in rows {
        tables.entry(table).or_default().insert(column, kind);
    }
    Ok(tables)
}

/// What no version of ours has made.
fn odd(table: &Table, there: &Columns) -> Option<String> {
    let mut others = there.clone();
    for (names, kind) in table.made_with() {
        let found = names.iter().find_map(|&name| Some((name, others.remove(name)?)));
        match found {
            None => {
                let name = names.join("` or `");
                return Some(format!("it has no column `{name}`, or its user may not see it"));
            }
            Some((name, found)) if found != kind => return Some(other_type(name, &found, kind)),
            Some(_) => {}
        }
    }
    for (name, kind) in table.added() {
        match others.remove(name) {
            Some(found) if found != kind => return Some(other_type(name, &found, kind)),
            _ => {}
        }
    }
    others.pop_first().map(|(name, _)| format!("it has a column `{name}`"))
}

fn other_type(name: &str, found: &str, kind: &str) -> String {
    format!("its column `{name}` is of the type {found}, not {kind}")
}

/// A migration that was done or begun and is none of ours.
async fn odd_version(on: &mut MySqlConnection) -> Result<Option<i64>, sqlx::Error> {
    let query = sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version");
    let done: Vec<(i64, Vec<u8>)> = query.fetch_all(on).await?;
    let migrator = migrator();
    let is_ours = |version: i64, checksum: &[u8]| {
        let mut ours = migrator.iter();
        ours.any(|one| one.version == version && *one.checksum == *checksum)
    };
    let odd = done.into_iter().find(|(version, checksum)| !is_ours(*version, checksum));
    Ok(odd.map(|(version, _)| version))
}

#[cfg(test)]
mod tests {
    use private_database::for_tests;
    use sqlx::migrate::Migrate as _;
    use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

    use super::super::migrations::{MIGRATIONS, migrator_of};
    use super::check_ours;
    use crate::store::Epoch;

    #[tokio::test]
    async fn every_version_is_ours_and_so_is_what_a_crash_leaves_between_two() {
        let server = for_tests().unwrap_or_else(|error| panic!("{error}"));
        let Some(server) = server else { return };
        let mut sql = MySqlConnection::connect(&server.of_database("mysql")).await.unwrap();
        let name = format!("broker_versions_{}", Epoch::random());
        for statement in [format!("CREATE DATABASE {name}"), format!("USE {name}")] {
            sql.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        sql.execute("CREATE TABLE users (id INT PRIMARY KEY)").await.unwrap();
        check_ours(&mut sql).await.unwrap();
        sql.ensure_migrations_table("_sqlx_migrations").await.unwrap();
        for version in 1..=MIGRATIONS.len() {
            // The change is there, and sqlx has not noted it.
            sql.execute(MIGRATIONS[version - 1].1).await.unwrap();
            check_ours(&mut sql).await.unwrap();
            migrator_of(&MIGRATIONS[..version]).run(&mut sql).await.unwrap();
            check_ours(&mut sql).await.unwrap();
        }
        sql.execute(AssertSqlSafe(format!("DROP DATABASE {name}"))).await.unwrap();
    }
}
