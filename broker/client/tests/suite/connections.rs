//! What the default transport does with its connections, against a server that is written by hand
//! and says what it sees.

use std::time::Duration;

use broker_client::transport::{self, Failure, Options, Transport};
use broker_client::{Client, Error};
use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A list of no topics.
const ANSWER: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 33\r\n\r\n{\"status\":\"success\",\"message\":[]}";

struct Server(TcpListener);

impl Server {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        (Self(listener), address)
    }

    async fn accept(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }
}

/// The head of the next request.
async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn answer(socket: &mut TcpStream, text: &str) -> String {
    let head = head(socket).await;
    socket.write_all(text.as_bytes()).await.unwrap();
    head
}

/// Completes when the client has closed the connection.
async fn closed(socket: &mut TcpStream) {
    assert_eq!(socket.read(&mut [0]).await.unwrap(), 0, "nothing more comes");
}

#[tokio::test]
async fn a_connection_is_used_again_and_each_request_names_its_host() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address).unwrap();
    let serve = async {
        let mut socket = server.accept().await;
        [answer(&mut socket, ANSWER).await, answer(&mut socket, ANSWER).await]
    };
    let ask = async { (client.topics().await, client.topics().await) };
    let (heads, answers) = tokio::join!(serve, ask);
    assert_eq!(answers, (Ok(vec![]), Ok(vec![])));
    let host = address.trim_start_matches("http://");
    let expected = format!("GET /topics HTTP/1.1\r\nhost: {host}\r\n\r\n");
    assert_eq!(heads, [expected.clone(), expected]);
}

#[tokio::test]
async fn requests_at_the_same_time_have_a_connection_each() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address).unwrap();
    let serve = async {
        let (mut one, mut two) = (server.accept().await, server.accept().await);
        answer(&mut two, ANSWER).await;
        answer(&mut one, ANSWER).await;
    };
    let ((), one, two) = tokio::join!(serve, client.topics(), client.topics());
    assert_eq!((one, two), (Ok(vec![]), Ok(vec![])));
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_was_unused_is_passed_over() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address).unwrap();
    let first = async {
        let mut socket = server.accept().await;
        answer(&mut socket, ANSWER).await;
    };
    let ((), answered) = tokio::join!(first, client.topics());
    assert_eq!(answered, Ok(vec![]));
    // By the end of an exchange over another connection, the end of that one has come too.
    let other = Client::new(&address).unwrap();
    let next = async {
        let mut socket = server.accept().await;
        answer(&mut socket, ANSWER).await;
    };
    let ((), answered) = tokio::join!(next, other.topics());
    assert_eq!(answered, Ok(vec![]));
    let second = async {
        let mut socket = server.accept().await;
        answer(&mut socket, ANSWER).await;
    };
    let ((), answered) = tokio::join!(second, client.topics());
    assert_eq!(answered, Ok(vec![]), "it was sent over a new connection");
}

#[tokio::test]
async fn an_unused_connection_is_closed_when_its_time_comes() {
    let (server, address) = Server::start().await;
    let keeping =
        transport::http_with(Options { keep: Duration::from_millis(20), ..Options::default() });
    let client = Client::over(std::sync::Arc::new(keeping), &address).unwrap();
    let serve = async {
        let mut socket = server.accept().await;
        answer(&mut socket, ANSWER).await;
        closed(&mut socket).await;
    };
    let ((), answered) = tokio::join!(serve, client.topics());
    assert_eq!(answered, Ok(vec![]));
}

#[tokio::test]
async fn a_connection_whose_time_is_over_is_not_used() {
    let (server, address) = Server::start().await;
    let keeping = transport::http_with(Options { keep: Duration::ZERO, ..Options::default() });
    let client = Client::over(std::sync::Arc::new(keeping), &address).unwrap();
    for _ in 0..3 {
        let serve = async {
            let mut socket = server.accept().await;
            answer(&mut socket, ANSWER).await;
        };
        let ((), answered) = tokio::join!(serve, client.topics());
        assert_eq!(answered, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_connection_with_it() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address).unwrap().with_timeout(Duration::from_millis(50));
    let silent = async {
        let mut socket = server.accept().await;
        head(&mut socket).await;
        closed(&mut socket).await;
    };
    let ((), given_up) = tokio::join!(silent, client.topics());
    assert!(matches!(given_up, Err(Error::Unknown(_))), "{given_up:?}");
    let client = client.with_timeout(Duration::from_secs(60));
    let serve = async { answer(&mut server.accept().await, ANSWER).await };
    let (_, answered) = tokio::join!(serve, client.topics());
    assert_eq!(answered, Ok(vec![]));
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_the_outcome_unknown() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address).unwrap();
    let serve = async {
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 33\r\n\r\n{\"status\":";
        answer(&mut server.accept().await, half).await;
    };
    let ((), answered) = tokio::join!(serve, client.topics());
    let why = "the answer broke off: end of file before message length reached";
    let expected = format!("the connection to {address} broke: {why}");
    assert_eq!(answered, Err(Error::Unknown(expected)));
}

#[tokio::test]
async fn an_answer_comes_in_chunks_and_in_pieces_as_the_server_likes() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address).unwrap();
    let serve = async {
        let mut socket = server.accept().await;
        head(&mut socket).await;
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                      a\r\n{\"status\":\r\n17\r\n\"success\",\"message\":[]}\r\n0\r\n\r\n";
        for byte in answer.bytes() {
            socket.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        socket
    };
    let (mut socket, answered) = tokio::join!(serve, client.topics());
    assert_eq!(answered, Ok(vec![]));
    let (_, again) = tokio::join!(answer(&mut socket, ANSWER), client.topics());
    assert_eq!(again, Ok(vec![]), "over the same connection");
}

#[tokio::test]
async fn a_connection_that_the_server_is_about_to_close_is_not_used_again() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address).unwrap();
    let last = ANSWER.replace("OK\r\n", "OK\r\nconnection: close\r\n");
    for _ in 0..2 {
        let serve = async {
            let mut socket = server.accept().await;
            answer(&mut socket, &last).await;
            closed(&mut socket).await;
        };
        let ((), answered) = tokio::join!(serve, client.topics());
        assert_eq!(answered, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_name_is_reached_at_whichever_of_its_addresses_listens() {
    let (server, address) = Server::start().await;
    let client = Client::new(&address.replace("127.0.0.1", "localhost")).unwrap();
    let serve = async { answer(&mut server.accept().await, ANSWER).await };
    let (head, answered) = tokio::join!(serve, client.topics());
    assert_eq!(answered, Ok(vec![]));
    assert!(head.contains("host: localhost:"), "{head}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (server, address) = Server::start().await;
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";
    let serve = async { answer(&mut server.accept().await, redirect).await };
    let request = Request::post(format!("{address}/a?b=c")).body(Bytes::from("body")).unwrap();
    let (head, answered) = tokio::join!(serve, transport::http().send(request));
    assert_eq!(answered.unwrap().status(), 307);
    assert!(head.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-length: 4\r\n"), "{head}");
}

#[tokio::test]
async fn what_has_no_address_is_not_sent() {
    for to in ["/topics", "https://127.0.0.1:1/topics"] {
        let request = Request::get(to).body(Bytes::new()).unwrap();
        let failure = transport::http().send(request).await.unwrap_err();
        assert!(matches!(failure, Failure::NotSent(_)), "{to}: {failure:?}");
    }
}
