//! The shape of production: a thread per worker, all on one port.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use bailiwick_gateway::{Config, Gateway};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::{LONGEST, Upstream, send};

fn gateway(listen: SocketAddr, upstream: &Upstream) -> Gateway {
    let config = format!(
        r#"
        listen = "{listen}"
        workers = 3
        [[resource]]
        identifier = "https://api.example.com"
        issuer = "https://id.example.com"
        upstream = "http://{}"
        routes = [{{ path = "/open", public = true }}]
        "#,
        upstream.address
    );
    Gateway::new(Config::parse("test.toml", &config).unwrap()).unwrap()
}

#[tokio::test]
async fn workers_share_one_port_and_stop_together() {
    let upstream = Upstream::start().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    let taken = gateway(address, &upstream);
    let refused = thread::spawn(move || taken.run(std::future::pending())).join().unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(free);

    let ready = gateway(address, &upstream);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = thread::spawn(move || {
        ready.run(async {
            let _ = stopped.await;
        })
    });
    let start = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        assert!(start.elapsed() < LONGEST);
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        let request = b"GET /open HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert_eq!(send(address, request).await.status, 200);
    }
    stop.send(()).unwrap();
    tokio::task::spawn_blocking(|| running.join().unwrap().unwrap()).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
