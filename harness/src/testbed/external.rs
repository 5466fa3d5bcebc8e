//! Brokers that run already, at addresses that the user gave; nothing is started or ended.

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::Arc;

use reqwest::Url;

use super::relay::{Order, Relays};
use super::{Failure, FaultInjector, InjectionId, Testbed};
use crate::driver::Pending;
use crate::fault::{Link, LinkFault, Part};
use crate::input::names::Actor;

/// Brokers that were not started here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    addresses: Vec<String>,
}

impl External {
    /// Takes base addresses, such as `http://127.0.0.1:5000`; a `/` at the end is dropped.
    ///
    /// # Errors
    /// Where there is none, where two are the same, and where one is more or other than
    /// `http://host` with or without a port. Each error names the address. Whether a broker listens
    /// there is not tried.
    pub fn new<A: AsRef<str>>(addresses: &[A]) -> Result<Self, Failure> {
        let mut known = Vec::with_capacity(addresses.len());
        for address in addresses {
            let base = base_address(address.as_ref())?;
            if known.contains(&base) {
                return Err(Failure(format!("broker address {base:?} is given twice")));
            }
            known.push(base);
        }
        if known.is_empty() {
            return Err(Failure("no broker address is given".to_owned()));
        }
        Ok(Self { addresses: known })
    }

    /// The addresses.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
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
    own: BTreeMap<Actor, String>,
    injector: Arc<Injector>,
}

impl Testbed for Relayed {
    fn addresses(&self) -> &[String] {
        &self.injector.addresses
    }

    fn address_of(&self, actor: Actor) -> Option<&str> {
        self.own.get(&actor).map(String::as_str)
    }

    fn injector(&self) -> Option<Arc<dyn FaultInjector>> {
        Some(Arc::clone(&self.injector) as _)
    }

    fn ended(&mut self) -> Pending<'_, String> {
        Box::pin(pending())
    }

    fn stop(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
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
    addresses: Vec<String>,
    relays: Relays,
}

impl FaultInjector for Injector {
    fn brokers(&self) -> u32 {
        u32::try_from(self.addresses.len()).expect("few addresses are given")
    }

    fn kill(&self, part: Part) -> Pending<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn stop(&self, part: Part) -> Pending<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn start(&self, part: Part) -> Pending<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn pause(&self, part: Part) -> Pending<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn resume(&self, part: Part) -> Pending<'_, Result<(), Failure>> {
        not_ours(part)
    }

    fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> Pending<'_, Result<(), Failure>> {
        Box::pin(ready(self.relays.inject(id, link, fault)))
    }

    fn spent(&self, id: InjectionId) -> Pending<'_, ()> {
        Box::pin(self.relays.spent(id))
    }

    fn heal(&self, id: InjectionId) -> Pending<'_, Result<u64, Failure>> {
        Box::pin(ready(self.relays.heal(id)))
    }
}

fn not_ours(part: Part) -> Pending<'static, Result<(), Failure>> {
    Box::pin(ready(Err(Failure(format!("the {part} is somebody else's, and stays as it is")))))
}

/// The address without what does not belong to a base; an error says what does not.
fn base_address(given: &str) -> Result<String, Failure> {
    let refuse = |why: &str| Err(Failure(format!("broker address {given:?}: {why}")));
    if !given.contains("://") {
        return refuse(&format!("the scheme is missing; did you mean \"http://{given}\"?"));
    }
    let url = match Url::parse(given) {
        Ok(url) => url,
        Err(error) => return refuse(&error.to_string()),
    };
    if url.scheme() != "http" {
        return refuse(&format!("only http:// is spoken, not {}://", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("a user or password has no use here");
    }
    if url.path() != "/" {
        return refuse(&format!("a broker has no path, and this one says {:?}", url.path()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("a broker's address has neither '?' nor '#'");
    }
    if url.port() == Some(0) {
        return refuse("nobody can listen on port 0");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::External;

    fn error(addresses: &[&str]) -> String {
        External::new(addresses).expect_err("it is refused").to_string()
    }

    #[test]
    fn base_addresses_are_kept_in_order_without_a_slash() {
        let given = ["http://127.0.0.1:5000/", "http://broker", "http://[::1]:6000"];
        let external = External::new(&given).unwrap();
        let kept = ["http://127.0.0.1:5000", "http://broker", "http://[::1]:6000"];
        assert_eq!(external.addresses(), kept);
    }

    #[test]
    fn every_error_names_the_address_and_what_is_wrong_with_it() {
        let cases = [
            ("127.0.0.1:5000", "did you mean \"http://127.0.0.1:5000\"?"),
            ("https://127.0.0.1:5000", "only http:// is spoken, not https://"),
            ("http://", "empty host"),
            ("http://a:b@127.0.0.1", "a user or password"),
            ("http://127.0.0.1:5000/topics", "says \"/topics\""),
            ("http://127.0.0.1:5000?x=1", "neither '?' nor '#'"),
            ("http://127.0.0.1:99999", "invalid port number"),
            ("http://127.0.0.1:0", "port 0"),
            ("", "the scheme is missing"),
        ];
        for (given, part) in cases {
            let error = error(&[given]);
            assert!(error.contains(&format!("{given:?}")), "{error}");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn none_and_one_given_twice_are_refused() {
        assert_eq!(error(&[]), "no broker address is given");
        let twice = error(&["http://127.0.0.1:5000", "http://127.0.0.1:5000/"]);
        assert_eq!(twice, "broker address \"http://127.0.0.1:5000\" is given twice");
    }
}
