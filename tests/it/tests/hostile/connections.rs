//! Very many connections, and clients that send without reading.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use it::Wire;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use crate::Town;

/// Connections that somebody opens and says nothing on.
const IDLE: usize = 10_000;

/// Somebody else must be served within this time, on a machine that does much else.
const SOON: Duration = Duration::from_secs(10);

/// Lets this process have as many descriptors as it may: so many connections of it can be open.
fn connections_of_ours() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let may = limit.maximum.map_or(IDLE, |limit| usize::try_from(limit).unwrap().saturating_sub(500));
    if may < IDLE {
        println!("only {may} connections: the system allows no more open files");
    }
    may.min(IDLE)
}

async fn served_soon(town: &Town) {
    let begun = Instant::now();
    assert_eq!(town.get("/v1/categories").await.status, 200);
    assert!(begun.elapsed() < SOON, "served after {:?}", begun.elapsed());
}

const READ: &str = "GET /v1/categories HTTP/1.1\r\nHost: here\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_keep_nobody_out() {
    let town = Town::start_with("[server]\nheader_read_timeout_ms = 60000\nmax_connections = 2000\n").await;
    let mut regular = town.wire().await;
    let mut idle = Vec::new();
    for number in 0..connections_of_ours() {
        let mut wire = town.wire().await;
        // Every tenth one has had an answer, every third one is in the middle of a head.
        if number % 10 == 0 {
            wire.send(READ).await.unwrap();
            assert_eq!(wire.receive().await.unwrap().status, 200);
        }
        if number % 3 == 0 {
            wire.send("GET /v1/categories HTTP/1.1\r\nHo").await.unwrap();
        }
        idle.push(wire);
        if number % 1_000 == 0 {
            served_soon(&town).await;
            // Who asks now and then keeps his connection.
            regular.send(READ).await.unwrap();
            assert_eq!(regular.receive().await.unwrap().status, 200);
        }
    }
    served_soon(&town).await;
    // Who came last is still there, and is served when he asks.
    let mut last = town.wire().await;
    served_soon(&town).await;
    last.send(READ).await.unwrap();
    assert_eq!(last.receive().await.unwrap().status, 200);
    // Those who came first have made room.
    assert!(idle[1].is_closed().await);
    town.still_serves().await;
    drop(idle);
    town.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_no_descriptor_is_left_somebody_idle_makes_room() {
    let town = Town::start_with("[server]\nheader_read_timeout_ms = 60000\n").await;
    let pid = Pid::from_raw(i32::try_from(town.program.id()).unwrap()).unwrap();
    let Ok(files) = std::fs::read_dir(format!("/proc/{}/fd", town.program.id())) else {
        return println!("the system does not tell what files a process has open");
    };
    let few = Some(files.count() as u64 + 30);
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: few, maximum: few }).unwrap();
    let mut idle = VecDeque::new();
    for _ in 0..100 {
        // The system takes connections on its own; the program gets to them as it can.
        idle.push_back(town.wire().await);
    }
    for _ in 0..3 {
        served_soon(&town).await;
    }
    assert!(town.log().contains("a connection could not be accepted"), "it had descriptors left: nothing is shown");
    assert!(idle[0].is_closed().await);
    drop(idle);
    town.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_sent_in_one_piece_are_answered_in_their_order() {
    let town = Town::start().await;
    let mut wire = town.wire().await;
    let piece: String = (0..500)
        .map(|number| format!("GET /v1/nowhere HTTP/1.1\r\nHost: here\r\nX-Request-Id: {number}\r\n\r\n"))
        .collect();
    wire.send(piece).await.unwrap();
    for number in 0..500 {
        let answer = wire.receive().await.unwrap();
        assert_eq!((answer.status, answer.header("x-request-id")), (404, number.to_string().as_str()));
    }
    town.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_never_reads_is_not_listened_to_for_ever_and_then_cut_off() {
    let town = Town::start_with("[server]\nunread_answer_timeout_ms = 1000\n").await;
    // The largest answers there are, on several connections.
    let asking = "GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n".repeat(1_000);
    let mut deaf: Vec<Wire> = Vec::new();
    for _ in 0..20 {
        let mut wire = town.wire().await;
        let _taken_or_not = tokio::time::timeout(Duration::from_millis(20), wire.send(&asking)).await;
        deaf.push(wire);
    }
    served_soon(&town).await;
    town.still_serves().await;
    if cfg!(target_os = "linux") {
        for mut wire in deaf {
            // It is cut off while much of it is unread.
            let cut_off = tokio::time::timeout(SOON * 2, async { while wire.send("GET").await.is_ok() {} }).await;
            assert!(cut_off.is_ok(), "it is still connected");
        }
    }
    town.still_serves().await;
}
