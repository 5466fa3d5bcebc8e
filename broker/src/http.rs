//! The wire: the endpoints in [`Route`], one handler for each in [`handlers`]. What a request must look like is in
//! [`mod@query`] and [`mod@body`], every failure and its status in [`mod@failure`], the limits in
//! [`Limits`]; what is done around every handler in [`observed`].

mod access;
mod after;
mod answer;
mod body;
mod broker;
mod failure;
mod handlers;
mod head;
mod ids;
mod large;
mod limits;
mod number;
mod observed;
#[cfg(test)]
mod openapi;
mod polling;
mod query;
mod room;
mod route;
mod stats;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, on};

pub(crate) use self::access::only_encrypted;
pub(crate) use self::broker::Broker;
use self::broker::Shared;
use self::failure::Answer;
pub(crate) use self::head::refused;
pub(crate) use self::large::LargeWork;
pub use self::limits::Limits;
use self::observed::Observed;
pub(crate) use self::route::Route;
use crate::signal::Signal;
use crate::store::Store;

/// Which routes a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of them.
    Whole,
    /// Those of clients, where an administrator has a listener of his own.
    Clients,
    /// Those of that one.
    Administration,
}

/// The routes over a store, without a socket. Once `closing` is raised, polls that wait answer
/// that there is nothing.
pub fn router(store: Arc<dyn Store>, limits: Limits, closing: Signal) -> Router {
    routes(Arc::new(Broker::new(store, limits, closing)), Part::Whole, false)
}

/// The same, with the route that reads the logs themselves.
pub fn audited_router(store: Arc<dyn Store>, limits: Limits, closing: Signal) -> Router {
    routes(Arc::new(Broker::new(store, limits, closing)), Part::Whole, true)
}

/// The routes of a listener; `audit` is for the one that reads the logs themselves.
pub(crate) fn routes(broker: Arc<Broker>, part: Part, audit: bool) -> Router {
    let mut routes = Routes::default();
    routes
        .at(Route::Alive, handlers::alive)
        .at(Route::Ready, handlers::ready)
        .at(Route::OpenApi, handlers::open_api);
    if part != Part::Administration {
        routes
            .at(Route::CreateTopic, handlers::create_topic)
            .at(Route::Topics, handlers::topics)
            .at(Route::DeleteTopic, handlers::delete_topic)
            .at(Route::RegisterProducer, handlers::register_producer)
            .at(Route::Produce, handlers::produce)
            .at(Route::RegisterConsumer, handlers::register_consumer)
            .at(Route::Consume, handlers::consume)
            .at(Route::Unsubscribe, handlers::unsubscribe)
            .at(Route::Size, handlers::size);
    }
    match part {
        Part::Clients => {
            routes
                .instead(Route::Metrics, handlers::at_admin)
                .instead(Route::Stats, handlers::at_admin);
        }
        Part::Whole | Part::Administration => {
            routes.at(Route::Metrics, handlers::metrics).at(Route::Stats, stats::tell);
        }
    }
    match (audit, part) {
        (false, _) => routes.instead(Route::Audit, handlers::no_audit),
        (true, Part::Clients) => routes.instead(Route::Audit, handlers::at_admin),
        (true, _) => routes.at(Route::Audit, handlers::read_log),
    };
    routes.finish().with_state(broker)
}

/// Routes on their way to a router.
#[derive(Default)]
struct Routes(Router<Arc<Broker>>);

impl Routes {
    fn at<H, F>(&mut self, route: Route, handler: H) -> &mut Self
    where
        H: Fn(Shared, Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let (method, path) = route.place();
        let mut methods = on(method, Observed { route, handler });
        if route == Route::Consume {
            // A HEAD that took a message would lose it, for it has no body to answer with.
            methods =
                methods.head(Observed { route: Route::None, handler: handlers::wrong_method });
        }
        self.0 = std::mem::take(&mut self.0).route(&path, methods);
        self
    }

    /// Says in place of a route that is not there where it is.
    fn instead<H, F>(&mut self, route: Route, handler: H) -> &mut Self
    where
        H: Fn(Shared, Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let (_, path) = route.place();
        let said = any(Observed { route: Route::None, handler });
        self.0 = std::mem::take(&mut self.0).route(&path, said);
        self
    }

    /// What is answered by none of them. The second is of the routes that are there by now.
    fn finish(self) -> Router<Arc<Broker>> {
        self.0
            .fallback(Observed { route: Route::None, handler: handlers::no_route })
            .method_not_allowed_fallback(Observed {
                route: Route::None,
                handler: handlers::wrong_method,
            })
    }
}
