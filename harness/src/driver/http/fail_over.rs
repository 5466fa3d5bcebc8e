//! Clients that go on at another broker of the same store, as those of users do: each actor one of its
//! own, which finds out by itself who lives.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use broker_client::transport::Transport;
use broker_client::{Client, backoff};

use crate::driver::client::Route;
use crate::driver::failure::Failure;
use crate::input::names::Actor;

/// The clients of a run, by actor; none is the run itself.
pub(super) struct FailOver {
    transport: Arc<dyn Transport>,
    /// Of all brokers; so many in a row are of one store.
    addresses: Vec<String>,
    row: usize,
    clients: Mutex<BTreeMap<(Option<Actor>, usize), Client>>,
}

/// The number of the broker that a client last went to, from 1.
#[derive(Clone, Default)]
pub(super) struct Went(Arc<AtomicU32>);

impl Went {
    pub(super) fn number(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl FailOver {
    pub(super) fn new(
        transport: &Arc<dyn Transport>,
        addresses: Vec<String>,
        row: NonZeroUsize,
    ) -> Self {
        let (transport, row) = (Arc::clone(transport), row.get());
        Self { transport, addresses, row, clients: Mutex::default() }
    }

    /// An actor's client of the row of brokers that the one at this place is in, and where its requests
    /// will have gone; nothing where there is no other broker to go to.
    pub(super) fn client(
        &self,
        actor: Option<Actor>,
        Route(place): Route,
    ) -> Result<Option<(Client, Went)>, Failure> {
        let begin = place - place % self.row;
        let row = self.addresses.get(begin..begin + self.row);
        let Some(addresses) = row.filter(|row| row.len() > 1) else { return Ok(None) };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match clients.get(&(actor, begin)) {
            Some(client) => client.clone(),
            None => {
                let client = self.make(actor, addresses)?;
                clients.entry((actor, begin)).or_insert(client).clone()
            }
        };
        let went = Went::default();
        let told = Arc::clone(&went.0);
        let tell = move |place: usize| {
            let number = u32::try_from(place + 1).expect("a run has few brokers");
            told.store(number, Ordering::Relaxed);
        };
        Ok(Some((client.telling(Arc::new(tell)), went)))
    }

    /// Topics are spread by the numbers of brokers: ports are others in each run, and an actor with
    /// relays has addresses of its own.
    fn make(&self, actor: Option<Actor>, addresses: &[String]) -> Result<Client, Failure> {
        let client = Client::over(Arc::clone(&self.transport), &addresses.join(","))
            .map_err(|error| Failure::new(error.to_string()))?;
        let names: Vec<String> = (1..=addresses.len()).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Another chance for each, and the same in each run.
        let name = actor.map(|actor| actor.to_string()).unwrap_or_default();
        let seed = backoff::stream(&[&name], 0);
        Ok(client.with_names(&names).apart(Some(seed)))
    }
}
