//! TLS: the certificate of a server, kept up to date, and the handshake.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tracing::warn;

use crate::followed::{File, Followed};

/// The certificate of a server and its key, kept up to date while it runs.
pub struct Tls(Followed<TlsAcceptor>);

/// An encrypted connection. Large, so it stands elsewhere.
pub(super) type Encrypted<S> = Box<TlsStream<S>>;

impl Tls {
    /// Reads the files of a certificate, with those between it and its CA behind it, and of its key.
    ///
    /// # Errors
    /// When one cannot be read, or they do not belong together; says which.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        Followed::read(&[certificate, key], acceptor).map(Self)
    }

    /// Reads the files again whenever they have changed, for ever.
    pub(crate) async fn follow(&self) {
        self.0.follow("the certificate and its key").await;
    }

    /// Shakes hands with a client.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<Encrypted<S>> {
        self.0.now().accept(stream).await.map(Box::new)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn acceptor(files: &[File]) -> Result<TlsAcceptor, String> {
    let [certificate, key] = files else { return Err("two files are expected".to_owned()) };
    let bad = |file: &File, why: &dyn fmt::Display| format!("{}: {why}", file.path.display());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate.bytes).collect();
    let chain = chain.map_err(|why| bad(certificate, &why))?;
    if chain.is_empty() {
        let why = "there is no certificate in it, which begins with -----BEGIN CERTIFICATE-----";
        return Err(bad(certificate, &why));
    }
    let secret = PrivateKeyDer::from_pem_slice(&key.bytes).map_err(|why| match why {
        pem::Error::NoItemsFound => {
            bad(key, &"there is no key in it, which begins with -----BEGIN PRIVATE KEY-----")
        }
        why => bad(key, &why),
    })?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring does TLS 1.2 and 1.3");
    let odd = out_of_time(&chain[0], UnixTime::now());
    let config = config.with_no_client_auth().with_single_cert(chain, secret);
    let mut config = config.map_err(|why| {
        let (certificate, key) = (certificate.path.display(), key.path.display());
        match why {
            Error::InconsistentKeys(_) => format!("{key} is not the key of {certificate}"),
            why => format!("{certificate} with the key {key}: {why}"),
        }
    })?;
    if let Some(odd) = odd {
        warn!("{}: {odd}: clients refuse it", certificate.path.display());
    }
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What is wrong with the time of a certificate, if anything is. It is served all the same: some clients may
/// be told to pass it over, and a broker that does not start helps none.
fn out_of_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Option<String> {
    let certificate = ParsedCertificate::try_from(certificate).ok()?;
    // It is said to lead to no CA, but only where its time is right, which is looked at first.
    let nobody = RootCertStore::empty();
    let checked = verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], now, &[]);
    let date = |time: UnixTime| {
        let since = Duration::from_secs(time.as_secs());
        UNIX_EPOCH.checked_add(since).map(humantime::format_rfc3339_seconds)
    };
    match checked {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(format!("the certificate expired at {}", date(not_after)?))
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
            not_before, ..
        })) => Some(format!("the certificate is not valid before {}", date(not_before)?)),
        _ => None,
    }
}
