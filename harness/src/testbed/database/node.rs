//! What is asked of a node of a cluster, and what it is told, in its own words.

use std::time::Duration;

use private_database::Url;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use tokio::time::{Instant, sleep, timeout};

use crate::testbed::Failure;

/// A node that was cut off says so within 5 s, and one that is let back is there after 9 s; on a machine
/// that is very busy later.
const WITHIN: Duration = Duration::from_secs(60);

/// One that stands still answers nothing.
const SILENT_AFTER: Duration = Duration::from_secs(2);

/// What a node may ignore it is told so often.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A table as one node has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) rows: i64,
    /// Of all rows.
    pub(super) checksum: Option<i64>,
}

/// How a node stands to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is of the majority, which counts so many nodes; one that was killed may be among them still.
    Primary(usize),
    /// It serves nobody, and has applied so many changes.
    Alone(i64),
    /// It has left the others: one that could not agree with them for some time closes all connections,
    /// and goes on without ever looking for them again.
    Left,
    /// It does not answer.
    Silent,
}

/// How a node whose process runs stands to the others now.
pub(super) async fn standing(url: &Url) -> Standing {
    let url = url.of_database("");
    let asking = async {
        let mut connection = connect(&url).await?;
        let mut status = async |variable| status(&mut connection, variable).await;
        let cluster = status("wsrep_cluster_status").await?;
        if cluster == "Primary" {
            let size = status("wsrep_cluster_size").await?;
            return Ok(size.parse().map_or(Standing::Silent, Standing::Primary));
        }
        // The others vote one out whose data differ from theirs: that is nothing to make good.
        if cluster == LEFT.1 && status("wsrep_local_state_comment").await? != "Inconsistent" {
            return Ok(Standing::Left);
        }
        let position = status("wsrep_last_committed").await?;
        Ok::<_, sqlx::Error>(position.parse().map_or(Standing::Silent, Standing::Alone))
    };
    match timeout(SILENT_AFTER, asking).await {
        Ok(Ok(standing)) => standing,
        Ok(Err(_)) | Err(_) => Standing::Silent,
    }
}

/// What a node says that serves.
const SERVES: (&str, &str) = ("wsrep_ready", "ON");

/// What a node says that has left the others.
const LEFT: (&str, &str) = ("wsrep_cluster_status", "Disconnected");

/// Has a node be the majority by itself, and waits until it serves. While the cluster changes it may
/// ignore that, and say nothing of it; so it is told again. One that is of the majority ignores it, too.
pub(super) async fn bootstrap(url: &Url) -> Result<(), Failure> {
    let until = Instant::now() + WITHIN;
    loop {
        set_option(url, "pc.bootstrap=1").await?;
        if comes_within(TOLD_EVERY, url, &[SERVES]).await? {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(too_late("does not found the cluster anew", WITHIN));
        }
    }
}

/// Cuts the node from the others, or lets it back to them, and does not wait for what comes of it.
pub(super) async fn set_isolated(url: &Url, is_isolated: bool) -> Result<(), Failure> {
    set_option(url, &format!("gmcast.isolate={}", u8::from(is_isolated))).await
}

/// Waits until a node that was cut from the others knows: it is not of the majority any more. Or it is
/// all of that, where the others have not joined it yet, and stays so. Or it has left the others.
pub(super) async fn is_cut(url: &Url) -> Result<(), Failure> {
    let is_cut = [("wsrep_cluster_status", "non-Primary"), ("wsrep_cluster_size", "1"), LEFT];
    wait_for(url, "is not cut from the others", &is_cut, WITHIN).await
}

/// Waits until a node that was let back to the others serves again, or has left them.
pub(super) async fn is_back(url: &Url, within: Duration) -> Result<(), Failure> {
    wait_for(url, "does not come back to the others", &[SERVES, LEFT], within).await
}

/// All tables of a database, by name, once all is applied that any node had committed before.
pub(super) async fn tables(url: &str) -> Result<Vec<Table>, Failure> {
    let reading = async {
        let mut connection = connect(url).await?;
        connection.execute("SET SESSION wsrep_sync_wait = 15").await?;
        let names = "SELECT table_name FROM information_schema.tables \
                     WHERE table_schema = DATABASE() ORDER BY table_name";
        let mut tables = Vec::new();
        for row in sqlx::raw_sql(names).fetch_all(&mut connection).await? {
            tables.push(table(&mut connection, row.try_get(0)?).await?);
        }
        connection.close().await?;
        Ok(tables)
    };
    answered(reading).await
}

async fn table(connection: &mut MySqlConnection, name: String) -> sqlx::Result<Table> {
    let counted = one(connection, format!("SELECT COUNT(*) FROM `{name}`")).await?;
    let summed = one(connection, format!("CHECKSUM TABLE `{name}`")).await?;
    Ok(Table { rows: counted.try_get(0)?, checksum: summed.try_get(1)?, name })
}

/// While the cluster changes a node refuses what is about its view, and is told again, unless it has left
/// the others.
async fn set_option(url: &Url, option: &str) -> Result<(), Failure> {
    let statement = format!("SET GLOBAL wsrep_provider_options = '{option}'");
    let until = Instant::now() + WITHIN;
    let url = url.of_database("");
    let telling = async {
        let mut connection = connect(&url).await?;
        while let Err(error) = connection.execute(AssertSqlSafe(statement.clone())).await {
            if !is_refused(&error) || Instant::now() >= until {
                return Err(error);
            }
            if is_one_of(&mut connection, &[LEFT]).await? {
                return Err(error);
            }
            sleep(LOOK_EVERY).await;
        }
        connection.close().await
    };
    answered(telling).await
}

/// Whether the node takes the value for one that it cannot have now (1210).
fn is_refused(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref());
    error.is_some_and(|error: &MySqlDatabaseError| error.number() == 1210)
}

/// Waits until one of these variables of the node has its value.
async fn wait_for(
    url: &Url,
    trouble: &str,
    values: &[(&str, &str)],
    within: Duration,
) -> Result<(), Failure> {
    let is_there = comes_within(within, url, values).await?;
    if is_there { Ok(()) } else { Err(too_late(trouble, within)) }
}

fn too_late(trouble: &str, within: Duration) -> Failure {
    Failure(format!("the node {trouble} within {} s", within.as_secs()))
}

/// Whether one of these variables of the node gets its value in this time.
async fn comes_within(
    within: Duration,
    url: &Url,
    values: &[(&str, &str)],
) -> Result<bool, Failure> {
    let until = Instant::now() + within;
    let url = url.of_database("");
    let looking = async {
        let mut connection = connect(&url).await?;
        loop {
            let is_there = is_one_of(&mut connection, values).await?;
            if is_there || Instant::now() >= until {
                return connection.close().await.map(|()| is_there);
            }
            sleep(LOOK_EVERY).await;
        }
    };
    answered_within(within + WITHIN, looking).await
}

/// Whether one of these variables of the node has its value.
async fn is_one_of(
    connection: &mut MySqlConnection,
    values: &[(&str, &str)],
) -> sqlx::Result<bool> {
    for (variable, value) in values {
        if status(connection, variable).await? == *value {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says nothing to a node that it would refuse while it is alone.
async fn connect(url: &str) -> sqlx::Result<MySqlConnection> {
    let options: MySqlConnectOptions = url.parse()?;
    let options = options.pipes_as_concat(false).no_engine_substitution(false);
    options.timezone(None).set_names(false).connect().await
}

async fn status(connection: &mut MySqlConnection, variable: &str) -> sqlx::Result<String> {
    one(connection, format!("SHOW GLOBAL STATUS LIKE '{variable}'")).await?.try_get(1)
}

async fn one(connection: &mut MySqlConnection, statement: String) -> sqlx::Result<MySqlRow> {
    sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(connection).await
}

/// What came, unless the node is silent.
async fn answered<T>(answer: impl Future<Output = sqlx::Result<T>>) -> Result<T, Failure> {
    answered_within(WITHIN * 2, answer).await
}

async fn answered_within<T>(
    within: Duration,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, Failure> {
    match timeout(within, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Failure(error.to_string())),
        Err(_) => Err(Failure(format!("no answer within {} s", within.as_secs()))),
    }
}
