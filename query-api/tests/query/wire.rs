//! What only a real connection shows.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::views_in_memory::Memory;
use crate::world::{api, get, options};

#[tokio::test]
async fn a_connection_goes_on_after_answers_without_a_body() {
    let api = api(Memory::world(), options());
    let full = get(&api, "/v1/businesses/b-1").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, api).await });

    let mut connection = TcpStream::connect(address).await.unwrap();
    let requests = [
        "HEAD /v1/businesses/b-1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v1/businesses/b-1 HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n",
        "HEAD /v1/businesses/nothing HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS /v1/businesses/b-1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v1/businesses/b-1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ];
    connection.write_all(requests.concat().as_bytes()).await.unwrap();
    let mut answers = String::new();
    connection.read_to_string(&mut answers).await.unwrap();
    server.abort();

    // Five heads one after the other, and one body at the very end.
    let body = String::from_utf8(full.body).unwrap();
    let heads: Vec<&str> = answers.strip_suffix(&body).unwrap().trim_end().split("\r\n\r\n").collect();
    let statuses: Vec<&str> = heads.iter().map(|head| &head["HTTP/1.1 ".len()..][..3]).collect();
    assert_eq!(statuses, ["200", "304", "404", "204", "200"]);
    let length = format!("content-length: {}", body.len());
    for (place, expected) in [(0, &[length.as_str()][..]), (1, &[]), (4, &[length.as_str()])] {
        let lengths = heads[place].lines().filter(|line| line.starts_with("content-length"));
        assert_eq!(lengths.collect::<Vec<_>>(), expected, "{}", heads[place]);
    }
}
