//! The brokers that a client speaks to: one, or several that serve one store.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::health::{Choice, Health};
use super::order::score;
use super::routes::{BadAddress, Routes};
use crate::backoff::{self, Chance};
use crate::error::{Error, Refusal};
use crate::wire::Code;

pub(super) struct Brokers {
    each: Vec<Broker>,
    /// All addresses, with commas between them.
    shown: String,
    state: Mutex<State>,
}

struct Broker {
    routes: Routes,
    /// What topics are spread by.
    name: String,
}

struct State {
    health: Health,
    /// The life of the store that registrations were made in, and the places of the brokers that told it.
    life: Option<(String, BTreeSet<usize>)>,
}

impl Brokers {
    /// Those at these addresses, with commas between them.
    pub(super) fn at(addresses: &str) -> Result<Self, BadAddress> {
        let mut each: Vec<Broker> = Vec::new();
        for address in addresses.split(',').map(str::trim) {
            let bad = |why: &str| BadAddress::new(address, why);
            if address.is_empty() && addresses.contains(',') {
                return Err(BadAddress::new(addresses, "it has a comma with no address beside it"));
            }
            let routes = Routes::at(address)?;
            if each.iter().any(|other| other.routes.base == routes.base) {
                return Err(bad("it is given twice"));
            }
            let name = routes.base.clone();
            each.push(Broker { routes, name });
        }
        let shown: Vec<&str> = each.iter().map(|broker| broker.routes.base.as_str()).collect();
        let (shown, state) = (shown.join(","), Self::fresh(each.len(), None));
        Ok(Self { each, shown, state })
    }

    /// The same brokers, of which nothing is known yet, under these names and with this chance.
    pub(super) fn anew(&self, names: Option<&[&str]>, seed: Option<u64>) -> Self {
        let each = self.each.iter().enumerate().map(|(place, broker)| Broker {
            routes: broker.routes.clone(),
            name: names.map_or_else(|| broker.name.clone(), |names| names[place].to_owned()),
        });
        let state = Self::fresh(self.each.len(), seed);
        Self { each: each.collect(), shown: self.shown.clone(), state }
    }

    fn fresh(count: usize, seed: Option<u64>) -> Mutex<State> {
        let chance = Chance::new(seed, backoff::stream(&["brokers"], 0));
        Mutex::new(State { health: Health::new(count, chance), life: None })
    }

    /// The addresses, with commas between them.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn count(&self) -> usize {
        self.each.len()
    }

    pub(super) fn routes(&self, place: usize) -> &Routes {
        &self.each[place].routes
    }

    /// Where a request about this topic goes now.
    pub(super) fn choose(&self, topic: &str) -> Choice {
        if self.each.len() == 1 {
            return Choice { place: 0, ask: Vec::new() };
        }
        self.state().health.choose(|place| score(topic, &self.each[place].name))
    }

    /// Takes note of what became of a request to the broker at this place.
    pub(super) fn note<T>(&self, place: usize, result: &Result<T, Error>) {
        if self.each.len() > 1 {
            let health = &mut self.state().health;
            match result {
                Err(error) if is_elsewhere_better(error) => health.failed(place),
                _ => health.succeeded(place),
            }
        }
    }

    /// Whether nobody has heard of the broker for so long, so that the caller is to ask it.
    pub(super) fn is_to_be_looked_at(&self, place: usize, unheard_for: Duration) -> bool {
        self.state().health.is_to_be_looked_at(place, unheard_for)
    }

    /// The broker says that it is.
    pub(super) fn is_ready(&self, place: usize) {
        self.state().health.is_ready(place);
    }

    /// Somebody asks the broker whether it is ready.
    pub(super) fn asking(&self, place: usize) -> Asking<'_> {
        Asking { brokers: self, place }
    }

    /// Takes note of the life of the store that a registration was made in.
    ///
    /// # Errors
    /// A broker that did not tell the life that is known tells another one: its store is not that of the
    /// others. Where one that told it does, the store began a new life.
    pub(super) fn same_store(&self, place: usize, epoch: Option<&str>) -> Result<(), Error> {
        let Some(epoch) = epoch.filter(|_| self.each.len() > 1) else { return Ok(()) };
        let mut state = self.state();
        match &mut state.life {
            Some((known, told)) if known == epoch => {
                told.insert(place);
            }
            Some((known, told)) if !told.contains(&place) => {
                let other = told.first().map_or("", |place| &self.routes(*place).base);
                let message = format!(
                    "the brokers at {other} and {} serve different stores, of the epochs {known} and \
                     {epoch}: list only brokers of one store, or, where the store was made anew, begin with a \
                     new client",
                    self.routes(place).base
                );
                let code = Some(Code::WrongEpoch);
                return Err(Error::Refused(Refusal { code, message, ..Refusal::default() }));
            }
            life => *life = Some((epoch.to_owned(), BTreeSet::from([place]))),
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a broker that answers so may be worse off than the others: it was not reached, did not
/// answer, or has no store. Any other refusal is the store's, and every broker's.
fn is_elsewhere_better(error: &Error) -> bool {
    match error {
        Error::NotSent(_) | Error::Unknown(_) => true,
        Error::Refused(refusal) => refusal.code == Some(Code::Unavailable),
    }
}

/// A question under way whether a broker is ready.
pub(super) struct Asking<'a> {
    brokers: &'a Brokers,
    place: usize,
}

impl Asking<'_> {
    pub(super) fn answered(self, is_ready: bool) {
        let health = &mut self.brokers.state().health;
        if is_ready { health.is_ready(self.place) } else { health.is_not_ready(self.place) }
    }
}

/// Also where the runtime that it was asked in has ended.
impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.brokers.state().health.gave_up(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_between_commas_and_each_is_checked() {
        let shown = |text: &str| match Brokers::at(text) {
            Ok(brokers) => format!("{}: {}", brokers.count(), brokers.shown()),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown("http://A:80/ ,http://b:1"), "2: http://a,http://b:1");
        assert_eq!(shown("http://a"), "1: http://a");
        let comma = "is no broker address: it has a comma with no address beside it";
        for text in ["http://a,", ",http://a", "http://a,,http://b", ","] {
            assert_eq!(shown(text), format!("{text:?} {comma}"));
        }
        assert_eq!(
            shown("http://a,b:1"),
            "\"b:1\" is no broker address: the scheme is missing; did you mean http://b:1?"
        );
        let twice = "\"http://A:80/\" is no broker address: it is given twice";
        assert_eq!(shown("http://a,http://b,http://A:80/"), twice);
        let none = "\"\" is no broker address: it is empty; write it like http://127.0.0.1:5000";
        assert_eq!(shown(""), none);
    }

    #[test]
    fn a_broker_of_another_store_is_told_from_a_new_life_of_the_store() {
        let brokers = Brokers::at("http://a,http://b,http://c").unwrap();
        let told = |place, epoch| brokers.same_store(place, Some(epoch)).map_err(|e| e.to_string());
        assert_eq!(told(0, "e1"), Ok(()));
        assert_eq!(told(2, "e1"), Ok(()));
        let other = "the brokers at http://a and http://b serve different stores, of the epochs e1 \
                     and e2: list only brokers of one store, or, where the store was made anew, \
                     begin with a new client (wrong_epoch)";
        assert_eq!(told(1, "e2"), Err(other.to_owned()));
        // The store was replaced: one that is known to have served it says so.
        assert_eq!(told(0, "e3"), Ok(()));
        assert_eq!(told(1, "e3"), Ok(()));
        assert!(told(2, "e1").is_err());
        let one = Brokers::at("http://a").unwrap();
        assert!(
            [0, 0].iter().zip(["e1", "e2"]).all(|(at, e)| one.same_store(*at, Some(e)).is_ok())
        );
    }
}
