//! Brokers that run already, at addresses that the user gave; nothing is started or ended.

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::relay::{Order, Relays};
use super::{Failure, FaultInjector, InjectionId, Testbed};
use crate::driver::{self, Address};
use crate::fault::{Link, LinkFault, Part};
use crate::input::names::Actor;

/// Brokers that were not started here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    addresses: Vec<Address>,
}

impl External {
    /// Takes the URLs that name the brokers.
    ///
    /// # Errors
    /// Where there is none, where two are the same, and where one names no broker. Each error names
    /// the URL. Whether a broker listens there is not tried.
    pub fn new<A: AsRef<str>>(addresses: &[A]) -> Result<Self, Failure> {
        let mut known = Vec::with_capacity(addresses.len());
        for address in addresses {
            let given = address.as_ref();
            let (_, address) = driver::parse_url(given)
                .map_err(|why| Failure(format!("broker address {given:?}: {why}")))?;
            if known.contains(&address) {
                return Err(Failure(format!("broker address {given:?} is given twice")));
            }
            known.push(address);
        }
        if known.is_empty() {
            return Err(Failure("no broker address is given".to_owned()));
        }
        Ok(Self { addresses: known })
    }

    /// The addresses.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The brokers, with relays before them for those whose connections something may be done to.
    ///
    /// # Errors
    /// When no port is to be had for a relay.
    pub async fn relayed(&self, order: &Order) -> Result<Relayed, Failure> {
        let relays = Relays::to_brokers(order, &self.addresses).await?;
        let (addresses, own) = (self.addresses.clone(), relays.addresses());
        Ok(Relayed { own, injector: Arc::new(Injector { addresses, relays }) })
    }
}

/// Brokers that were not started here, with relays of ours before them.
pub struct Relayed {
    own: BTreeMap<Actor, Address>,
    injector: Arc<Injector>,
}

impl Testbed for Relayed {
    fn addresses(&self) -> &[Address] {
        &self.injector.addresses
    }

    fn address_of(&self, actor: Actor) -> Option<&Address> {
        self.own.get(&actor)
    }

    fn injector(&self) -> Option<Arc<dyn FaultInjector>> {
        Some(Arc::clone(&self.injector) as _)
    }

    fn ended(&mut self) -> BoxFuture<'_, String> {
        Box::pin(pending())
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }
}

/// The executor of faults may still hold the injector.
impl Drop for Relayed {
    fn drop(&mut self) {
        self.injector.relays.close();
    }
}

/// Faults can be about their connections, and not about themselves.
struct Injector {
    addresses: Vec<Address>,
    relays: Relays,
}

impl FaultInjector for Injector {
    fn brokers(&self) -> u32 {
        u32::try_from(self.addresses.len()).expect("few addresses are given")
    }

    fn kill(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn stop(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn start(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn pause(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn resume(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(ready(self.relays.inject(id, link, fault)))
    }

    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()> {
        Box::pin(self.relays.spent(id))
    }

    fn heal(&self, id: InjectionId) -> BoxFuture<'_, Result<u64, Failure>> {
        Box::pin(ready(self.relays.heal(id)))
    }
}

fn not_ours(part: Part) -> BoxFuture<'static, Result<(), Failure>> {
    Box::pin(ready(Err(Failure(format!("the {part} is somebody else's, and stays as it is")))))
}

#[cfg(test)]
mod tests {
    use super::External;

    fn error(addresses: &[&str]) -> String {
        External::new(addresses).expect_err("it is refused").to_string()
    }

    #[test]
    fn addresses_are_kept_in_order() {
        let external = External::new(&["http://127.0.0.1:5000/", "http://broker"]).unwrap();
        let kept = external.addresses().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(kept, ["127.0.0.1:5000", "broker:80"]);
    }

    #[test]
    fn none_one_given_twice_and_no_url_are_refused() {
        assert_eq!(error(&[]), "no broker address is given");
        let twice = error(&["http://127.0.0.1:5000", "http://127.0.0.1:5000/"]);
        assert_eq!(twice, "broker address \"http://127.0.0.1:5000/\" is given twice");
        let wrong = error(&["https://127.0.0.1:5000"]);
        let expected =
            "broker address \"https://127.0.0.1:5000\": only http:// is spoken, not https://";
        assert_eq!(wrong, expected);
    }
}
