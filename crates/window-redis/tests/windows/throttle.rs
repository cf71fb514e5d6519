//! Throttles: the same in memory and in a server.

use std::sync::Arc;

use bailiwick_window::{Attempt, MemoryThrottle, Pace, Throttle, WindowError};

use crate::server::Server;

/// Both kinds, and the server that one is in.
async fn both(pace: Pace, most: usize) -> (Server, [Arc<dyn Throttle>; 2]) {
    let server = Server::start(&[]).await;
    let shared = server.node().throttle("accounts", pace, most);
    (server, [Arc::new(MemoryThrottle::new(pace, most)), Arc::new(shared)])
}

async fn fail(throttle: &dyn Throttle, key: &str, times: u32, now: i64) {
    for _ in 0..times {
        assert_eq!(throttle.attempt(key, now).await, Ok(Attempt::Allowed), "{key} at {now}");
    }
}

async fn waits(throttle: &dyn Throttle, key: &str, seconds: i64, now: i64) {
    assert_eq!(throttle.attempt(key, now).await, Ok(Attempt::Wait { seconds }), "{key} at {now}");
}

#[tokio::test]
async fn ten_failures_are_free_then_waits_double_up_to_the_period() {
    let (_server, both) = both(Pace::default(), 1000).await;
    for throttle in both.iter().map(Arc::as_ref) {
        let mut now = 1_000;
        fail(throttle, "alice", 10, now).await;
        for wait in [2, 4, 8, 16, 32, 64, 128, 256] {
            waits(throttle, "alice", wait, now).await;
            waits(throttle, "alice", 1, now + wait - 1).await;
            now += wait;
            fail(throttle, "alice", 1, now).await;
        }
        waits(throttle, "alice", 300, now).await;
        fail(throttle, "bob", 10, now).await; // others do not wait
        fail(throttle, "alice", 10, now + 300).await; // all forgotten
    }
}

#[tokio::test]
async fn waiting_attempts_do_not_prolong_the_wait() {
    let (_server, both) = both(Pace::default(), 1000).await;
    for throttle in both.iter().map(Arc::as_ref) {
        fail(throttle, "alice", 10, 0).await;
        for _ in 0..100 {
            waits(throttle, "alice", 1, 1).await;
        }
        fail(throttle, "alice", 1, 2).await;
    }
}

#[tokio::test]
async fn a_success_forgets_the_failures() {
    let (_server, both) = both(Pace::default(), 1000).await;
    for throttle in both.iter().map(Arc::as_ref) {
        throttle.succeeded("alice").await.unwrap(); // nothing there
        fail(throttle, "alice", 10, 0).await;
        throttle.succeeded("alice").await.unwrap();
        fail(throttle, "alice", 10, 0).await;
        waits(throttle, "alice", 2, 0).await;
    }
}

#[tokio::test]
async fn an_attempt_that_is_given_back_leaves_those_before_it() {
    let (server, both) = both(Pace::default(), 1000).await;
    for throttle in both.iter().map(Arc::as_ref) {
        throttle.give_back("alice").await.unwrap(); // nothing there
        for _ in 0..30 {
            fail(throttle, "alice", 1, 0).await;
            throttle.give_back("alice").await.unwrap();
        }
        fail(throttle, "alice", 10, 0).await; // none of them counted
        waits(throttle, "alice", 2, 0).await;
        for _ in 0..30 {
            fail(throttle, "alice", 1, 2).await; // no wait begins anew either
            throttle.give_back("alice").await.unwrap();
        }
        fail(throttle, "alice", 1, 2).await; // the eleventh
        waits(throttle, "alice", 4, 2).await;
        fail(throttle, "alice", 10, 302).await; // forgotten as ever
    }
    assert_eq!(kept(&server).await, (1, 1));
}

#[tokio::test]
async fn other_paces_are_kept_alike() {
    for pace in [
        Pace { free: 0, period: 10, first_wait: 1 },
        Pace { free: 1, period: 5, first_wait: 0 },
        Pace { free: 2, period: 3_000_000_000, first_wait: 1_000_000_000 },
        Pace { free: 3, period: 0, first_wait: 5 },
    ] {
        let (_server, [memory, shared]) = both(pace, 1000).await;
        for now in [0, 0, 0, 1, 1, 2, 3, 3, 5, 8, 13, 21, 34] {
            for key in ["alice", "bob"] {
                let expected = memory.attempt(key, now).await;
                assert_eq!(shared.attempt(key, now).await, expected, "{pace:?} at {now}");
            }
            memory.give_back("bob").await.unwrap();
            shared.give_back("bob").await.unwrap();
        }
    }
}

#[tokio::test]
async fn no_wait_is_longer_than_a_century() {
    let server = Server::start(&[]).await;
    let pace = Pace { free: 1, period: i64::MAX, first_wait: i64::MAX };
    let throttle = server.node().throttle("accounts", pace, 10);
    fail(&throttle, "alice", 1, 0).await;
    waits(&throttle, "alice", 3_153_600_000, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_from_many_nodes_do_not_slip_through() {
    let server = Server::start(&[]).await;
    let nodes =
        [(); 4].map(|()| Arc::new(server.node().throttle("accounts", Pace::default(), 1000)));
    let all: Vec<_> = (0..1000)
        .map(|at| {
            let node = Arc::clone(&nodes[at % nodes.len()]);
            tokio::spawn(async move { node.attempt("alice", 0).await.unwrap() })
        })
        .collect();
    let mut allowed = 0;
    for one in all {
        allowed += u32::from(one.await.unwrap() == Attempt::Allowed);
    }
    assert_eq!(allowed, 10);
}

#[tokio::test]
async fn a_flood_of_keys_takes_bounded_memory_and_frees_nobody() {
    let (server, both) = both(Pace::default(), 160).await;
    for throttle in both.iter().map(Arc::as_ref) {
        fail(throttle, "alice", 10, 0).await;
        for key in 0..2_000 {
            fail(throttle, &key.to_string(), 1, 1).await;
        }
        waits(throttle, "alice", 1, 1).await;
    }
    assert_eq!(kept(&server).await, (160, 160));
}

#[tokio::test]
async fn when_all_must_wait_a_new_key_is_refused() {
    let (_server, both) = both(Pace { free: 1, ..Pace::default() }, 16).await;
    for throttle in both.iter().map(Arc::as_ref) {
        let mut refused = 0;
        for key in 0..1000 {
            match throttle.attempt(&key.to_string(), 0).await {
                Ok(attempt) => assert_eq!(attempt, Attempt::Allowed),
                Err(error) => {
                    assert_eq!(error, WindowError::Full);
                    refused += 1;
                }
            }
        }
        assert!(refused >= 984);
        fail(throttle, "late", 1, 300).await; // forgotten after the period
    }
}

#[tokio::test]
async fn the_server_keeps_digests_and_lets_them_expire() {
    let server = Server::start(&[]).await;
    let pace = Pace { free: 1, ..Pace::default() };
    let throttle = server.node().throttle("accounts", pace, 1000);
    fail(&throttle, "alice", 1, 7).await;
    fail(&server.node().throttle("accounts", Pace::default(), 1000), "bob", 1, 7).await;
    let mut keys: Vec<String> = server.command(&["KEYS", "*"]).await;
    keys.sort();
    let all = ["failures", "free", "waiting"].map(|part| format!("bailiwick:accounts:{part}"));
    assert_eq!(keys, all);
    for key in &keys {
        let seconds: i64 = server.command(&["TTL", key]).await;
        assert!((300..=330).contains(&seconds), "{key}: {seconds}");
    }
    let digests: Vec<String> = server.command(&["HKEYS", &all[0]]).await;
    assert_eq!(digests.len(), 2);
    for digest in digests {
        assert_eq!(digest.len(), 32);
        assert!(digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    }
}

/// How many failures the server keeps, and how many of them stand in an order.
async fn kept(server: &Server) -> (usize, usize) {
    let failures = server.command(&["HLEN", "bailiwick:accounts:failures"]).await;
    let free: usize = server.command(&["ZCARD", "bailiwick:accounts:free"]).await;
    let waiting: usize = server.command(&["ZCARD", "bailiwick:accounts:waiting"]).await;
    (failures, free + waiting)
}
