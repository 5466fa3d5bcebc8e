//! Whether a store in a database can serve: who asks at once shares a try, and nobody is left without
//! an answer. A try beats once in the table of heartbeats, and so tries can be counted.

use std::sync::Arc;

use broker::store::{Error, Retain, Store};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use sqlx::{Connection, MySqlConnection};
use tokio::task::yield_now;
use tokio::time::{Duration, sleep, timeout};

use crate::support::load::GENEROUS;
use crate::support::{mysql, open};

/// A store that nobody else uses, and a look at its database.
struct Quiet {
    store: Arc<dyn Store>,
    sql: MySqlConnection,
}

impl Quiet {
    async fn open() -> Option<Self> {
        let url = mysql()?;
        let store = open(&url, Retain::All).await;
        let sql = MySqlConnection::connect(&url).await.unwrap();
        Some(Self { store, sql })
    }

    async fn tries(&mut self) -> u64 {
        let beats = "SELECT CAST(COALESCE(SUM(beats), 0) AS UNSIGNED) FROM heartbeats";
        sqlx::query_scalar(beats).fetch_one(&mut self.sql).await.unwrap()
    }

    /// So many who have asked, one after the other, by when it returns.
    /// The first one's try has begun when the others ask.
    async fn askers(&self, count: usize) -> Vec<BoxFuture<'_, Result<(), Error>>> {
        let mut asking: Vec<_> = (0..count).map(|_| self.store.ready()).collect();
        for (number, one) in asking.iter_mut().enumerate() {
            assert_eq!(one.now_or_never(), None, "a try takes round trips");
            if number == 0 {
                yield_now().await;
            }
        }
        asking
    }
}

#[tokio::test]
async fn those_who_ask_during_a_try_share_the_next_one() {
    let Some(mut quiet) = Quiet::open().await else { return };
    let before = quiet.tries().await;
    let answers = join_all(quiet.askers(24).await).await;
    assert_eq!(answers, vec![Ok(()); 24]);
    assert_eq!(quiet.tries().await, before + 2, "that of the first one, and that of the others");
    // What was found before is nobody's answer.
    for tries in 3..5 {
        quiet.store.ready().await.unwrap();
        assert_eq!(quiet.tries().await, before + tries);
    }
}

#[tokio::test]
async fn an_asker_that_goes_away_leaves_the_others_their_answer() {
    let Some(mut quiet) = Quiet::open().await else { return };
    let before = quiet.tries().await;
    let mut asking = quiet.askers(4).await;
    // In the middle of its try, and while it waits.
    drop(asking.drain(..2));
    let answers = timeout(GENEROUS, join_all(asking)).await.expect("nobody waits for ever");
    assert_eq!(answers, [Ok(()), Ok(())]);
    assert_eq!(quiet.tries().await, before + 2, "what was begun goes on");
}

#[tokio::test]
async fn what_a_try_finds_is_noted_though_its_asker_is_gone() {
    let Some(mut quiet) = Quiet::open().await else { return };
    let trigger = "CREATE TRIGGER refusing BEFORE INSERT ON messages FOR EACH ROW
                   SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'";
    sqlx::raw_sql(trigger).execute(&mut quiet.sql).await.unwrap();
    drop(quiet.askers(1).await);
    let noting = async {
        while quiet.store.observe().await.database.unwrap().is_up {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GENEROUS, noting).await.expect("it goes on alone");
}

#[tokio::test]
async fn what_is_wrong_is_told_to_all_who_share_the_try() {
    let Some(mut quiet) = Quiet::open().await else { return };
    sqlx::query("RENAME TABLE messages TO away").execute(&mut quiet.sql).await.unwrap();
    for answer in join_all(quiet.askers(3).await).await {
        let Err(Error::Unavailable(why)) = answer else { panic!("{answer:?}") };
        assert!(why.contains("an append was tried") && why.contains("doesn't exist"), "{why}");
    }
    sqlx::query("RENAME TABLE away TO messages").execute(&mut quiet.sql).await.unwrap();
    assert_eq!(quiet.store.ready().await, Ok(()));
}
