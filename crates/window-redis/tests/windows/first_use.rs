//! First uses: the same in memory and in a server.

use std::sync::Arc;

use bailiwick_window::{FirstUse, MemoryFirstUse};

use crate::server::Server;

/// Both kinds, and the server that one is in.
async fn both() -> (Server, [Arc<dyn FirstUse>; 2]) {
    let server = Server::start(&[]).await;
    let shared = server.node().first_use("dpop");
    (server, [Arc::new(MemoryFirstUse::default()), Arc::new(shared)])
}

#[tokio::test]
async fn a_key_is_used_once_until_its_time_is_over() {
    let (_server, both) = both().await;
    for window in both {
        for (key, until, now, first) in [
            ("a", 10, 0, true),
            ("a", 10, 0, false),
            ("a", 99, 10, false), // its last second
            ("b", 10, 10, true),
            ("b", 10, 11, false), // expired
            ("a", 20, 11, true),  // another one of that name
            ("a", 20, 20, false),
            ("", 20, 20, true),
            ("c", i64::MAX, 20, true),
            ("c", i64::MAX, i64::MAX, false),
            ("d", -5, -10, true),
            ("d", -5, -5, false),
        ] {
            assert_eq!(window.first_use(key, until, now).await, Ok(first), "{key} {until} {now}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_the_first() {
    let (_server, both) = both().await;
    for window in both {
        assert_eq!(firsts(&[window]).await, 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_nodes_at_once_one_is_the_first() {
    let server = Server::start(&[]).await;
    let nodes = [(); 4].map(|()| Arc::new(server.node().first_use("dpop")) as Arc<dyn FirstUse>);
    assert_eq!(firsts(&nodes).await, 10);
}

/// How many first uses there are among a thousand uses of ten keys.
async fn firsts(nodes: &[Arc<dyn FirstUse>]) -> usize {
    let uses: Vec<_> = (0..1000)
        .map(|at| {
            let node = Arc::clone(&nodes[at % nodes.len()]);
            let key = (at / 7 % 10).to_string();
            tokio::spawn(async move { node.first_use(&key, 10, 0).await.unwrap() })
        })
        .collect();
    let mut first = 0;
    for one in uses {
        first += usize::from(one.await.unwrap());
    }
    first
}

#[tokio::test]
async fn windows_of_other_names_and_prefixes_are_others() {
    let server = Server::start(&[]).await;
    let other = bailiwick_window_redis::Redis::open(server.settings().prefix("other")).unwrap();
    for window in [
        server.node().first_use("dpop"),
        server.node().first_use("assertions"),
        other.first_use("dpop"),
    ] {
        assert_eq!(window.first_use("a", 10, 0).await, Ok(true));
    }
}

#[tokio::test]
async fn the_server_keeps_digests_and_lets_them_expire() {
    let server = Server::start(&[]).await;
    assert_eq!(server.node().first_use("dpop").first_use("alice", 110, 10).await, Ok(true));
    let keys: Vec<String> = server.command(&["KEYS", "*"]).await;
    let [key] = keys.as_slice() else { panic!("{keys:?}") };
    let digest = key.strip_prefix("bailiwick:dpop:").unwrap();
    assert_eq!(digest.len(), 32);
    assert!(digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    assert_eq!(server.command::<String>(&["GET", key]).await, "110");
    let seconds: i64 = server.command(&["TTL", key]).await;
    assert!((101..=131).contains(&seconds), "{seconds}"); // and what clocks may differ by
}
