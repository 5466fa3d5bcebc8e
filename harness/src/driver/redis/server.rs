//! What it takes to connect to a server: where it is, whether by TLS, and who asks.

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};
use ::redis::{RedisConnectionInfo, io::tcp::TcpSettings};

use crate::driver::address::Address;
use crate::driver::failure::Failure;

/// A server at one address.
pub(super) struct Server {
    pub(super) info: ConnectionInfo,
    /// For people: host and port.
    pub(super) shown: String,
}

impl Server {
    /// The server at this address; its path is the number of a database.
    pub(super) fn new(address: &Address) -> Result<Self, Failure> {
        let Address::Listens { host, port, access } = address else {
            return Err(Failure::new(
                "a broker without an address does not speak Redis's protocol",
            ));
        };
        let database = match &*access.path {
            "" => 0,
            path => path.parse().map_err(|_| {
                Failure::new(format!(
                    "Redis's databases are numbers (redis://{host}/0), not {path:?}"
                ))
            })?,
        };
        // RESP3, because the client library tells of a broken connection only there.
        let mut login = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name()
            .set_db(database);
        if let Some((user, password)) = &access.login {
            login = login.set_password(password);
            if !user.is_empty() {
                login = login.set_username(user);
            }
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let at = if access.tls {
            ConnectionAddr::TcpTls { host, port: *port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, *port)
        };
        let info = at.into_connection_info().map_err(|error| Failure::new(error.to_string()))?;
        // A small request goes on at once.
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = info.set_redis_settings(login).set_tcp_settings(tcp);
        Ok(Self { info, shown: address.to_string() })
    }
}
