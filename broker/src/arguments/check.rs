//! Whether the arguments fit together, and the files that they name.

use std::sync::Arc;

use broker_client::wire::masked;

use super::{Arguments, StoreKind};
use crate::server::Tls;
use crate::store::Retain;
use crate::tokens::Tokens;

impl Arguments {
    /// Whether they fit together.
    ///
    /// # Errors
    /// Which two do not, with their values.
    pub fn check(&self) -> Result<(), String> {
        if let StoreKind::Unusable(why) = &self.store {
            return Err(format!("--store, or the variable BROKER_STORE: {why}"));
        }
        if self.store_connections.get() < 2 {
            return Err("--store-connections is 1: give it at least 2, for one is held while old \
                messages are deleted by another"
                .to_owned());
        }
        if self.admin_listen == Some(self.listen) && self.listen.port() != 0 {
            return Err(format!(
                "--admin-listen and --listen are both {}: give them two ports, or leave out \
                 --admin-listen",
                self.listen
            ));
        }
        self.check_retain()?;
        self.check_access()?;
        self.check_sizes()
    }

    /// Whether it is said who is let in, and how. The files are read here too, for what is wrong with them
    /// is wrong with an argument.
    fn check_access(&self) -> Result<(), String> {
        let listens = [("--listen", Some(self.listen)), ("--admin-listen", self.admin_listen)];
        let reached = listens.into_iter().find_map(|(flag, address)| {
            let address = address.filter(|at| !at.ip().to_canonical().is_loopback())?;
            Some(format!("{flag} {address}"))
        });
        match (&self.token_file, reached) {
            (Some(_), _) if self.allow_anonymous => {
                Err("--allow-anonymous lets everybody in, and \
                 --token-file asks who it is: leave one of them out"
                    .to_owned())
            }
            (None, Some(reached)) if !self.allow_anonymous => Err(format!(
                "{reached} can be reached from other machines, and nobody is asked for a \
                     token: give --token-file FILE, with a line that `broker token` prints, or \
                     --allow-anonymous where everybody who reaches it may do everything"
            )),
            // A URL of a database may be what was typed in place of a file.
            _ => self.tokens().and_then(|_| self.tls()).map(drop).map_err(|why| masked(&why)),
        }
    }

    /// Who may do what.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn tokens(&self) -> Result<Option<Arc<Tokens>>, String> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let tokens = Tokens::read(file).map_err(|why| format!("--token-file: {why}"))?;
        Ok(Some(Arc::new(tokens)))
    }

    /// The certificate and its key.
    ///
    /// # Errors
    /// When one is missing, and what is wrong with their files.
    pub(super) fn tls(&self) -> Result<Option<Arc<Tls>>, String> {
        let lacks = |flag: &str, other: &str, what: &str| {
            Err(format!("{flag} needs {other} beside it, the file of {what}"))
        };
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let tls = Tls::read(certificate, key);
                tls.map(|tls| Some(Arc::new(tls)))
                    .map_err(|why| format!("--tls-cert and --tls-key: {why}"))
            }
            (None, None) => Ok(None),
            (Some(_), None) => lacks("--tls-cert", "--tls-key", "its key"),
            (None, Some(_)) => lacks("--tls-key", "--tls-cert", "its certificate"),
        }
    }

    fn check_retain(&self) -> Result<(), String> {
        let is_in_memory = self.store == StoreKind::Memory;
        match self.retain {
            Some(Retain::Lag) if self.audit => Err("--audit reads all messages, and --retain lag \
                drops those that every subscription has got: leave one of them out"
                .to_owned()),
            Some(Retain::Age(_) | Retain::Size(_)) if self.audit => Err("--audit reads all \
                messages, and this --retain deletes old ones: leave one of them out"
                .to_owned()),
            Some(Retain::Size(_)) if !is_in_memory => Err("--retain with a size is for --store \
                memory; in a database messages are kept for a time, such as --retain 24h"
                .to_owned()),
            Some(Retain::Size(size)) if size > self.max_memory => Err(format!(
                "--retain is {size} bytes and --max-memory {}: raise that too, for it says how much memory \
                 messages may take",
                self.max_memory
            )),
            _ => Ok(()),
        }
    }

    fn check_sizes(&self) -> Result<(), String> {
        let (message, body) = (self.max_message, self.max_body);
        if message > body {
            return Err(format!(
                "--max-message is {message} bytes and --max-body {body}: no body holds such a message"
            ));
        }
        let least = self.limits().least_in_flight();
        match self.max_in_flight {
            Some(given) if given.get() < least => Err(format!(
                "--max-in-flight is {given} bytes, and a body with an answer may have {least}: raise \
                 it, or lower --max-body, --max-answer or --max-message"
            )),
            _ => Ok(()),
        }
    }
}
