//! TLS over real sockets, with real certificates: who believes whom, slow and stuck clients, and
//! certificates that change.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use broker::store::{Append, Store};
use broker::{Options, Tls};
use broker_client::transport::{self, Ca};
use broker_client::wire::Code;
use broker_client::{Client, Consumer, Error, Producer};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::server::{HEALTH, Running, SOON, ask, patient, rest};
use crate::support::Short;
use crate::support::certificates::{Authority, Certified};
use crate::support::process::Process;

const HOST: &str = "127.0.0.1";

/// The files of a certificate.
struct Files(TempDir);

impl Files {
    fn new(certified: &Certified) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write(certified);
        files
    }

    fn write(&self, certified: &Certified) {
        fs::write(self.0.path().join("cert.pem"), &certified.certificate).unwrap();
        fs::write(self.0.path().join("key.pem"), &certified.key).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn tls(&self) -> Arc<Tls> {
        let path = |name: &str| self.0.path().join(name);
        Arc::new(Tls::read(&path("cert.pem"), &path("key.pem")).unwrap())
    }

    /// A broker of its own process.
    fn process(&self) -> Process {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        Process::start("memory", &["--tls-cert", &certificate, "--tls-key", &key])
    }
}

fn client(address: &str, authority: &Authority) -> Client {
    let ca = Some(Ca::from_pem(authority.pem().as_bytes()).unwrap());
    let options = transport::Options { ca, ..transport::Options::default() };
    Client::with_options(address, options).unwrap()
}

fn https(process: &Process) -> String {
    process.address().replace("http://", "https://")
}

/// Why nothing was sent.
async fn not_sent(client: &Client) -> String {
    match client.topics().await {
        Err(Error::NotSent(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_of_any_size_pass_through_tls() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.certify(HOST));
    let process = files.process();
    let client = client(&https(&process), &authority);
    let topic = "A".parse().unwrap();
    client.create_topic("A").await.unwrap();
    let mut consumer = Consumer::new(&client);
    consumer.subscribe(&topic).await.unwrap();
    let producer = Producer::new(&client);
    let sent: Vec<String> =
        [0, 1, 100, 1 << 14, 1 << 20].into_iter().map(|size| "x".repeat(size)).collect();
    for payload in &sent {
        producer.send(&topic, payload).await.unwrap();
    }
    let batch: Vec<&str> = sent.iter().map(String::as_str).collect();
    producer.send_batch(&topic, &batch).await.unwrap();
    let mut got = Vec::new();
    while got.len() < 2 * sent.len() {
        let delivery = consumer.poll().await.unwrap();
        got.extend(delivery.iter().map(|message| message.payload.to_owned()));
    }
    assert!(got == [sent.clone(), sent].concat());
    consumer.unsubscribe().await.unwrap();
}

#[tokio::test]
async fn a_broker_that_does_not_prove_who_it_is_gets_nothing() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let check = async |certified: &Certified, trusted: &Authority, why: &str| {
        let process = Files::new(certified).process();
        let said = not_sent(&client(&https(&process), trusted)).await;
        assert!(said.contains(why), "{said}");
    };
    check(&authority.certify_until(HOST, 2002), &authority, "expired").await;
    check(&authority.certify("broker.example"), &authority, "not valid for name").await;
    let unknown = "UnknownIssuer; name the CA that signed it";
    check(&authority.certify(HOST), &other, unknown).await;
    let files = Files::new(&authority.certify(HOST));
    let process = files.process();
    let said = not_sent(&Client::new(&https(&process)).unwrap()).await;
    assert!(said.contains(unknown), "without a CA those of browsers are trusted: {said}");
}

#[tokio::test]
async fn plain_text_where_tls_is_spoken_and_tls_where_it_is_not_are_said() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.certify(HOST));
    let process = files.process();
    let plain = Client::new(&process.address()).unwrap();
    let Err(Error::Refused(refusal)) = plain.create_topic("A").await else { panic!("refused") };
    assert_eq!(refusal.code, Some(Code::BadRequest));
    assert_eq!(refusal.message, "TLS is spoken here: write https:// in place of http://");
    let encrypted = client(&https(&process), &authority);
    assert_eq!(encrypted.topics().await, Ok(vec![]), "it had no effect");
    let mut check = Command::new(env!("CARGO_BIN_EXE_broker"));
    let checked = check.args(["--check", &process.address()]).output().unwrap();
    assert!(checked.status.success(), "its health needs no certificate: {checked:?}");
    let process = Process::start("memory", &[]);
    let said = not_sent(&client(&https(&process), &authority)).await;
    assert!(said.ends_with("is TLS spoken there, and not http:// alone?"), "{said}");
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_cut_off_and_others_are_served() {
    let authority = Authority::new("ours");
    let tls = Some(Files::new(&authority.certify(HOST)).tls());
    let running = Running::start(Options { header_read: SOON, tls, ..patient() }).await;
    let other = client(&format!("https://{}", running.address), &authority);
    assert_eq!(other.topics().await, Ok(vec![]));
    let silent = running.connect().await;
    let mut stuck = running.connect().await;
    // The beginning of a handshake's first record.
    stuck.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1]).await.unwrap();
    let mut garbled = running.connect().await;
    garbled.write_all(&[0xff; 64]).await.unwrap();
    for task in [silent, stuck, garbled].map(|stream| tokio::spawn(rest(stream))) {
        while !task.is_finished() {
            assert_eq!(other.topics().await, Ok(vec![]));
        }
    }
    // A head that stops in its middle has no more time than without TLS.
    let mut slow = encrypted(&running, &authority).await;
    slow.write_all(b"GET /healthz HT").await.unwrap();
    slow.flush().await.unwrap();
    assert_eq!(rest(slow).await, "");
    drop(other);
    running.stop().await;
}

/// A connection after its handshake.
async fn encrypted(running: &Running, authority: &Authority) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(HOST).unwrap();
    let stream = running.connect().await;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn an_unused_connection_is_not_taken_for_a_slow_head() {
    let authority = Authority::new("ours");
    let tls = Some(Files::new(&authority.certify(HOST)).tls());
    let running = Running::start(Options { header_read: SOON, tls, ..patient() }).await;
    let mut unused = encrypted(&running, &authority).await;
    // By then it is past the time for a head.
    assert_eq!(rest(running.connect().await).await, "");
    assert!(ask(&mut unused, HEALTH).await.starts_with("HTTP/1.1 200 OK"));
    drop(unused);
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_below_tls_too() {
    let authority = Authority::new("ours");
    let tls = Some(Files::new(&authority.certify(HOST)).tls());
    let running = Running::with_topic(Options { write_stall: SOON, tls, ..patient() }).await;
    let payload = "x".repeat(1 << 20);
    for _ in 0..8 {
        append(&running.store, &payload).await;
    }
    let mut stuck = encrypted(&running, &authority).await;
    let poll =
        "GET /consumer/consume?topic=A&consumer_id=0&max=9&offset=0 HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..8 {
        stuck.write_all(poll.as_bytes()).await.unwrap();
    }
    stuck.flush().await.unwrap();
    running.shutdown.raise();
    // The shutdown waits for an hour, so it ends only because the stuck client was cut off.
    running.task.await.unwrap();
    drop(stuck);
}

async fn append(store: &Arc<dyn Store>, payload: &str) {
    let payloads = [payload.into()];
    let append =
        Append { topic: "A", producer: 0, epoch: None, sequence: None, payloads: &payloads };
    store.append(append).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_answers_the_polls_that_wait_and_ends_handshakes() {
    let authority = Authority::new("ours");
    let tls = Some(Files::new(&authority.certify(HOST)).tls());
    let running = Running::with_topic(Options { tls, ..patient() }).await;
    append(&running.store, "acknowledged by the poll").await;
    let mut polling = encrypted(&running, &authority).await;
    let poll = "GET /consumer/consume?topic=A&consumer_id=0&max=9&offset=1&wait_ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n";
    polling.write_all(poll.as_bytes()).await.unwrap();
    polling.flush().await.unwrap();
    let store = Short(Arc::clone(&running.store));
    while store.size("A", 0).await != Ok((0, 1)) {
        tokio::task::yield_now().await;
    }
    let silent = running.connect().await;
    running.shutdown.raise();
    assert!(rest(polling).await.ends_with(r#""messages":[]}"#));
    assert_eq!(rest(silent).await, "");
    running.task.await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_changes_is_read_again_and_a_broken_one_leaves_it() {
    let (old, new) = (Authority::new("ours"), Authority::new("ours, later"));
    let files = Files::new(&old.certify(HOST));
    let process = files.process();
    let before = client(&https(&process), &old);
    assert_eq!(before.topics().await, Ok(vec![]));
    fs::write(files.path("key.pem"), "no key").unwrap();
    while !process.said().contains("what was found cannot be used") {
        tokio::task::yield_now().await;
    }
    assert_eq!(client(&https(&process), &old).topics().await, Ok(vec![]));
    files.write(&new.certify(HOST));
    while client(&https(&process), &new).topics().await.is_err() {}
    let said = not_sent(&client(&https(&process), &old)).await;
    assert!(said.contains("UnknownIssuer"), "{said}");
    assert_eq!(before.topics().await, Ok(vec![]), "what is open goes on");
}

#[tokio::test]
async fn a_certificate_that_is_out_of_time_is_warned_of_and_served() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.certify_until(HOST, 2002));
    let process = files.process();
    let warning = "cert.pem: the certificate expired at 2002-01-01T00:00:00Z: clients refuse it";
    assert_eq!(process.said().matches(warning).count(), 1, "{}", process.said());
    files.write(&authority.certify_between(HOST, 3000, 4000));
    while !process.said().contains("is not valid before 3000-01-01T00:00:00Z: clients refuse it") {
        tokio::task::yield_now().await;
    }
    files.write(&authority.certify(HOST));
    while client(&https(&process), &authority).topics().await.is_err() {}
    assert_eq!(process.said().matches("clients refuse it").count(), 2, "{}", process.said());
}

#[test]
fn files_that_do_not_belong_together_are_named_at_the_start() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.certify(HOST));
    let fails = |expected: &str| {
        let (certificate, key) = (files.path("cert.pem"), files.path("key.pem"));
        let arguments = ["--tls-cert", &certificate, "--tls-key", &key];
        let (code, said) = Process::fails("memory", &arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    let other = authority.certify(HOST);
    fs::write(files.path("key.pem"), &other.key).unwrap();
    fails(&format!("{} is not the key of {}", files.path("key.pem"), files.path("cert.pem")));
    fs::write(files.path("key.pem"), &other.certificate).unwrap();
    fails("key.pem: there is no key in it");
    fs::write(files.path("cert.pem"), "").unwrap();
    fails("cert.pem: there is no certificate in it");
    fs::remove_file(files.path("cert.pem")).unwrap();
    fails("cert.pem: no such file or directory");
}
