//! The testbed of a broker that its driver brings: in this program's own memory, or a child that
//! the driver speaks to through pipes. Nothing is started or ended here, and no fault can reach it.

use std::future::{pending, ready};

use futures_util::future::BoxFuture;

use super::{Failure, Testbed};
use crate::driver::Address;

/// A broker without an address.
pub struct Unaddressed;

impl Testbed for Unaddressed {
    fn addresses(&self) -> &[Address] {
        &[Address::None]
    }

    fn ended(&mut self) -> BoxFuture<'_, String> {
        Box::pin(pending())
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }
}
