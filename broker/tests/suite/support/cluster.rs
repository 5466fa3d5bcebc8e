//! Three nodes of a Galera cluster, which all tests of one process share, one after the other.

use private_database::{Watched, WatchedCluster, has_cluster_for_tests};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Duration, sleep};

use super::process::Process;

/// The cluster, for one test with a database of its own.
pub(crate) struct Nodes {
    cluster: MutexGuard<'static, Option<WatchedCluster>>,
    database: String,
}

impl Nodes {
    /// None, with a line, where Galera is not installed, unless HARNESS_REQUIRE_SERVERS is 1; none
    /// where tests on MySQL are left out.
    pub(crate) async fn get() -> Option<Self> {
        static SHARED: Mutex<Option<WatchedCluster>> = Mutex::const_new(None);
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut cluster = SHARED.lock().await;
        if cluster.is_none() && has_cluster_for_tests() {
            *cluster = Some(WatchedCluster::start(3).unwrap_or_else(|error| panic!("{error}")));
        }
        let database = format!("cluster_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        cluster.is_some().then_some(Self { cluster, database })
    }

    fn nodes(&self) -> &[Watched] {
        self.cluster.as_ref().expect("a test without a cluster has none").nodes()
    }

    /// The URL of the test's database on a node.
    pub(crate) fn url(&self, node: usize) -> String {
        self.nodes()[node].url().of_database(&self.database)
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
        let starting: Vec<_> = (0..self.nodes().len())
            .map(|node| {
                let (url, arguments) = (self.url(node), arguments.clone());
                std::thread::spawn(move || Process::start(&url, &arguments))
            })
            .collect();
        starting.into_iter().map(|one| one.join().unwrap()).collect()
    }

    /// Ends a node as a loss of power would, but for what the operating system has yet to write.
    pub(crate) async fn kill(&self, node: usize) {
        let node = &self.nodes()[node];
        let process = Pid::from_raw(node.process().unwrap()).unwrap();
        kill_process(process, Signal::KILL).unwrap();
        while std::os::unix::net::UnixStream::connect(node.server().socket()).is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts a node again that was killed, once the others have left it out: as a commit shows that
    /// was made since.
    pub(crate) fn run_again(&mut self, node: usize) {
        let cluster = self.cluster.as_mut().expect("a test without a cluster has none");
        tokio::task::block_in_place(|| cluster.run_again(&[node])).unwrap();
    }

    /// A connection to the test's database on a node, which sees all that was committed before.
    pub(crate) async fn seeing_all(&self, node: usize) -> MySqlConnection {
        let mut sql = MySqlConnection::connect(&self.url(node)).await.unwrap();
        sql.execute("SET SESSION wsrep_sync_wait = 3").await.unwrap();
        sql
    }

    /// Every table of the test's database is the same on all nodes. Nobody may write meanwhile.
    pub(crate) async fn assert_equal(&self) {
        let mut first = None;
        for node in 0..self.nodes().len() {
            let mut sql = self.seeing_all(node).await;
            let names = "SELECT CAST(table_name AS CHAR) FROM information_schema.tables
                         WHERE table_schema = DATABASE() ORDER BY 1";
            let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut sql).await.unwrap();
            let mut sums: Vec<(String, Option<i64>)> = Vec::new();
            for name in names {
                let sum = format!("CHECKSUM TABLE {name} EXTENDED");
                sums.push(sqlx::query_as(AssertSqlSafe(sum)).fetch_one(&mut sql).await.unwrap());
            }
            assert!(sums.len() > 5 && sums.iter().all(|(_, sum)| sum.is_some()), "{sums:?}");
            assert_eq!(*first.get_or_insert_with(|| sums.clone()), sums, "node {node}");
        }
    }

    /// A connection of somebody else, who may do everything.
    pub(crate) async fn sql(&self, node: usize) -> MySqlConnection {
        let url = self.nodes()[node].url().of_database("information_schema");
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
