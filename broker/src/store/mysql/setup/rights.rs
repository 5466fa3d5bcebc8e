//! What a broker's user has to be allowed. It is asked at the start: a broker that lacks a right would
//! serve until it needs it.

use anyhow::bail;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection, SqlSafeStr};

use super::super::failure::Failure;
use super::tables::{TABLES, Table};

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
                    missing.push(format!("{right} on `{}`", table.name));
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
fn needing(right: &str, table: &Table) -> String {
    let columns: Vec<_> = table.columns_now().map(|column| format!("`{column}`")).collect();
    let (name, first) = (table.name, &columns[0]);
    match right {
        "SELECT" => format!("SELECT {first} FROM `{name}` WHERE FALSE"),
        "UPDATE" => format!("UPDATE `{name}` SET {first} = NULL WHERE FALSE"),
        "DELETE" => format!("DELETE FROM `{name}` WHERE FALSE"),
        _ => format!(
            "INSERT INTO `{name}` ({}) SELECT {} FROM (SELECT 1) one WHERE FALSE",
            columns.join(", "),
            vec!["NULL"; columns.len()].join(", ")
        ),
    }
}
