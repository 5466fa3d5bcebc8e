//! What our broker is shown that runs already and asks who we are, and what it has to show itself.

use std::fmt;
use std::sync::Arc;

use broker_client::Token;
use broker_client::transport::{Ca, Options};

use super::failure::Failure;

/// The variable with the token: arguments can be read by every user of the machine.
pub const TOKEN_VARIABLE: &str = "HARNESS_BROKER_TOKEN";

/// A token, and whoever signed the broker's certificate. Neither is printed.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keys {
    token: Option<Token>,
    /// The certificates in PEM.
    ca: Option<Arc<[u8]>>,
}

impl Keys {
    /// These two.
    ///
    /// # Errors
    /// Says of which of them what is wrong.
    pub fn new(token: Option<&str>, ca: Option<Vec<u8>>) -> Result<Self, String> {
        let token =
            token.map(|text| text.parse().map_err(|why| format!("{TOKEN_VARIABLE}: {why}")));
        let token = token.transpose()?;
        if let Some(pem) = &ca {
            Ca::from_pem(pem).map_err(|why| format!("--ca: {why}"))?;
        }
        Ok(Self { token, ca: ca.map(Arc::from) })
    }

    /// As the client library takes them.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let ca = self.ca.as_deref().map(Ca::from_pem).transpose();
        let ca = ca.map_err(|why| Failure::new(format!("--ca: {why}")))?;
        Ok(Options { token: self.token.clone(), ca, ..Options::default() })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(...)")
    }
}
