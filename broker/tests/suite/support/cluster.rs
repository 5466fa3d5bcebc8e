//! Three nodes of a Galera cluster, which all tests of one process share, one after the other.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use private_database::{Watched, WatchedCluster, has_cluster_for_tests};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Duration, sleep};

use super::process::Process;

/// The cluster, for one test with a database of its own.
pub(crate) struct Nodes {
    nodes: &'static [Watched],
    database: String,
    _turn: MutexGuard<'static, ()>,
}

impl Nodes {
    /// None, with a line, where Galera is not installed, unless HARNESS_REQUIRE_SERVERS is 1; none
    /// where tests on MySQL are left out.
    pub(crate) async fn get() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::const_new(());
        static SHARED: OnceLock<Option<WatchedCluster>> = OnceLock::new();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let turn = TURN.lock().await;
        let cluster = SHARED.get_or_init(|| {
            has_cluster_for_tests()
                .then(|| WatchedCluster::start(3).unwrap_or_else(|error| panic!("{error}")))
        });
        let database = format!("cluster_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Some(Self { nodes: cluster.as_ref()?.nodes(), database, _turn: turn })
    }

    /// The URL of the test's database on a node.
    pub(crate) fn url(&self, node: usize) -> String {
        self.nodes[node].url().of_database(&self.database)
    }

    /// The test's database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Begins with another database.
    pub(crate) fn renew(&mut self, name: &str) {
        name.clone_into(&mut self.database);
    }

    /// A broker on each node, all started at once.
    pub(crate) fn brokers(&self, arguments: &[&'static str]) -> Vec<Process> {
        let arguments = arguments.to_vec();
        let starting: Vec<_> = (0..self.nodes.len())
            .map(|node| {
                let (url, arguments) = (self.url(node), arguments.clone());
                std::thread::spawn(move || Process::start(&url, &arguments))
            })
            .collect();
        starting.into_iter().map(|one| one.join().unwrap()).collect()
    }

    /// A connection of somebody else, who may do everything.
    pub(crate) async fn sql(&self, node: usize) -> MySqlConnection {
        let url = self.nodes[node].url().of_database("information_schema");
        MySqlConnection::connect(&url).await.unwrap()
    }

    /// Cuts a node off from the others, or connects it again, and waits until it knows.
    pub(crate) async fn isolate(&self, node: usize, is_cut: bool) {
        let mut sql = self.sql(node).await;
        let option = format!("gmcast.isolate={}", u8::from(is_cut));
        let statement = format!("SET GLOBAL wsrep_provider_options = '{option}'");
        sql.execute(AssertSqlSafe(statement)).await.unwrap();
        let expected = if is_cut { "OFF" } else { "ON" };
        let ready = "SHOW GLOBAL STATUS LIKE 'wsrep_ready'";
        while sqlx::query_as::<_, (String, String)>(ready).fetch_one(&mut sql).await.unwrap().1
            != expected
        {
            sleep(Duration::from_millis(20)).await;
        }
    }
}
