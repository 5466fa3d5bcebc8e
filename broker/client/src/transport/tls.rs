//! TLS to a broker: whose signature its certificate needs, and the handshake.

use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

/// Why TLS cannot be had: it can.
pub(crate) const NOT_BUILT: Option<&str> = None;

/// Whoever signed the certificates of brokers.
#[derive(Clone)]
pub struct Ca(Arc<ClientConfig>);

/// Why a text names nobody that signs certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCa(String);

/// An encrypted connection. Large, so it stands elsewhere.
pub(super) type Encrypted = Box<TlsStream<TcpStream>>;

/// The authorities that browsers trust.
static PUBLIC: LazyLock<Ca> = LazyLock::new(|| {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    Ca::of(roots)
});

impl Ca {
    /// Those whose certificates are in a text of PEM blocks, and nobody else. A broker's own
    /// certificate may stand there too, where it signed itself.
    ///
    /// # Errors
    /// There is none, or one that cannot be understood.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadCa> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|why| BadCa(why.to_string()))?;
            roots.add(certificate).map_err(|why| BadCa(why.to_string()))?;
        }
        if roots.is_empty() {
            let why =
                "there is no certificate in it, which begins with -----BEGIN CERTIFICATE-----";
            return Err(BadCa(why.to_owned()));
        }
        Ok(Self::of(roots))
    }

    fn of(roots: RootCertStore) -> Self {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring does TLS 1.2 and 1.3");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(Arc::new(config))
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ca")
    }
}

/// Shakes hands with the broker of this name.
pub(super) async fn encrypt(
    ca: Option<&Ca>,
    host: &str,
    stream: TcpStream,
) -> Result<Encrypted, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{host} is no name that a certificate may have"))?;
    let Ca(config) = ca.unwrap_or(&PUBLIC);
    let shaken = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    shaken.map(Box::new).map_err(|error| explained(&error))
}

/// What TLS says, and what is likely behind it.
fn explained(error: &io::Error) -> String {
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(InvalidCertificate(CertificateError::UnknownIssuer)) => {
            format!("{error}; name the CA that signed it")
        }
        Some(InvalidMessage(_)) => format!("{error}; is TLS spoken there, and not http:// alone?"),
        _ => error.to_string(),
    }
}
