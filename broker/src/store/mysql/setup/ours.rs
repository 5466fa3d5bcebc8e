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
    let odd_in = |table: &Table| Some((table.name, odd(table, there.get(table.name)?)?));
    let odds: Vec<_> = TABLES.iter().filter_map(odd_in).collect();
    // Of a table that is not ours no version can be read.
    let has_notes = there.contains_key(NOTES) && odds.iter().all(|odd| odd.0 != NOTES);
    let versions = match has_notes {
        true => Versions::of(on).await.map_err(said)?,
        false => Versions::default(),
    };
    if let Some((table, odd)) = odds.first() {
        bail!(not_ours(table, odd, &versions));
    }
    if let Some(version) = versions.odd {
        bail!(not_ours(NOTES, &format!("the version {version} in it is not"), &versions));
    }
    Ok(())
}

fn not_ours(table: &str, odd: &str, versions: &Versions) -> String {
    let or_newer = match versions.go_on {
        true => ", or where a newer broker is migrating it, start that one",
        false => "",
    };
    format!(
        "its table `{table}` is not that of a broker: {odd}; nothing was changed: name another \
         database{or_newer}"
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

/// The migrations that were done or begun.
#[derive(Debug, Default)]
struct Versions {
    /// The first that is none of ours.
    odd: Option<i64>,
    /// Whether all of ours are there, and others behind them.
    go_on: bool,
}

impl Versions {
    async fn of(on: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let query =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version");
        let done: Vec<(i64, Vec<u8>)> = query.fetch_all(on).await?;
        let migrator = migrator();
        let ours: Vec<_> =
            migrator.iter().map(|one| (one.version, one.checksum.to_vec())).collect();
        let odd = done.iter().find(|one| !ours.contains(one)).map(|odd| odd.0);
        Ok(Self { odd, go_on: odd.is_some() && done.starts_with(&ours) })
    }
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
        // As a newer broker leaves it that is in the middle of its own first version.
        let next = MIGRATIONS.len() + 1;
        sql.execute(AssertSqlSafe(format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES ({next}, 'of tomorrow', FALSE, '', -1)"
        )))
        .await
        .unwrap();
        let newer =
            ": name another database, or where a newer broker is migrating it, start that one";
        let said = check_ours(&mut sql).await.unwrap_err().to_string();
        assert!(said.contains(&format!("the version {next} in it is not")), "{said}");
        assert!(said.ends_with(newer), "{said}");
        sql.execute("ALTER TABLE topics ADD COLUMN tomorrow INT").await.unwrap();
        let said = check_ours(&mut sql).await.unwrap_err().to_string();
        assert!(said.contains("it has a column `tomorrow`") && said.ends_with(newer), "{said}");
        // One of ours is missing, so that these are another program's.
        sql.execute("DELETE FROM _sqlx_migrations WHERE version = 3").await.unwrap();
        let said = check_ours(&mut sql).await.unwrap_err().to_string();
        assert!(said.ends_with(": name another database"), "{said}");
        sql.execute(AssertSqlSafe(format!("DROP DATABASE {name}"))).await.unwrap();
    }
}
