//! The routes there are. The router is made of them, requests are counted by them, and the tests hold
//! `openapi.json` against them.

use axum::extract::Request;
use axum::http::Method;
use axum::routing::MethodFilter;

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    CreateTopic,
    Topics,
    DeleteTopic,
    RegisterProducer,
    Produce,
    RegisterConsumer,
    Consume,
    /// [`Route::Consume`] where it may wait: its times say nothing about those of the others.
    ConsumeWaiting,
    Unsubscribe,
    Size,
    Alive,
    Ready,
    Audit,
    Metrics,
    Stats,
    OpenApi,
    /// None of them.
    None,
}

impl Route {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 17] = [
        Self::CreateTopic,
        Self::Topics,
        Self::DeleteTopic,
        Self::RegisterProducer,
        Self::Produce,
        Self::RegisterConsumer,
        Self::Consume,
        Self::ConsumeWaiting,
        Self::Unsubscribe,
        Self::Size,
        Self::Alive,
        Self::Ready,
        Self::Audit,
        Self::Metrics,
        Self::Stats,
        Self::OpenApi,
        Self::None,
    ];

    /// Its method and path, as documents name it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::CreateTopic => "POST /topics",
            Self::Topics => "GET /topics",
            Self::DeleteTopic => "DELETE /topics/NAME",
            Self::RegisterProducer => "POST /producer/register",
            Self::Produce => "POST /producer/produce",
            Self::RegisterConsumer => "POST /consumer/register",
            Self::Consume => "GET /consumer/consume",
            Self::ConsumeWaiting => "GET /consumer/consume?wait_ms",
            Self::Unsubscribe => "DELETE /consumer",
            Self::Size => "GET /size",
            Self::Alive => "GET /healthz",
            Self::Ready => "GET /readyz",
            Self::Audit => "GET /audit",
            Self::Metrics => "GET /metrics",
            Self::Stats => "GET /stats",
            Self::OpenApi => "GET /openapi.json",
            Self::None => "none",
        }
    }

    /// Its method and path, as the router takes them.
    pub(super) fn place(self) -> (MethodFilter, String) {
        let (method, path) = self.label().split_once(' ').expect("it is a method and a path");
        let method: Method = method.parse().expect("it is a method");
        let method = MethodFilter::try_from(method).expect("it is a usual method");
        (method, path.replace("NAME", "{name}"))
    }

    /// As which a request of this route counts.
    pub(super) fn of(self, request: &Request) -> Self {
        let waits = |query: &str| query.split('&').any(|pair| pair.starts_with("wait_ms="));
        match self {
            Self::Consume if request.uri().query().is_some_and(waits) => Self::ConsumeWaiting,
            route => route,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn the_number_of_a_route_is_its_place() {
        for (place, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, place, "{route:?}");
        }
    }
}
