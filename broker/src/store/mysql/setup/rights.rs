//! What a broker's user has to be allowed. It is asked at the start: a broker that lacks a right would
//! serve until it needs it.

use anyhow::bail;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection, SqlSafeStr};

use super::super::failure::Failure;
use super::tables::{Right, TABLES, Table};

/// Refuses a user who may not do all that a broker does. The statements are prepared and never
/// executed: the server looks at rights then, and waits for no lock.
pub(super) async fn check_rights(on: &mut MySqlConnection) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for table in &TABLES {
        for &right in table.rights {
            let prepared = on.prepare(AssertSqlSafe(needing(right, table)).into_sql_str()).await;
            match prepared.map_err(|error| Failure::executing(&error)) {
                Ok(_) => {}
                Err(failure) if failure.is_denied() => {
                    missing.push(format!("{} on `{}`", right.word(), table.name));
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }
    if !missing.is_empty() {
        bail!("its user may not do all that a broker does: grant it {}", missing.join(", "));
    }
    Ok(())
}

/// A statement that needs this right to the table and no other.
fn needing(right: Right, table: &Table) -> String {
    let name = table.name;
    match right {
        Right::Select => {
            let columns: Vec<_> = table.columns_now().map(|column| format!("`{column}`")).collect();
            format!("SELECT {} FROM `{name}` WHERE FALSE", columns.join(", "))
        }
        Right::Insert(written) => {
            let columns: Vec<_> = written.split(", ").map(|column| format!("`{column}`")).collect();
            let nothing = vec!["NULL"; columns.len()].join(", ");
            let columns = columns.join(", ");
            // Of an `INSERT ... SELECT` MariaDB looks at columns only when it is executed.
            format!("INSERT INTO `{name}` ({columns}) VALUES ({nothing})")
        }
        Right::Update(written) => {
            let set: Vec<_> =
                written.split(", ").map(|column| format!("`{column}` = NULL")).collect();
            format!("UPDATE `{name}` SET {} WHERE FALSE", set.join(", "))
        }
        Right::Delete => format!("DELETE FROM `{name}` WHERE FALSE"),
    }
}
