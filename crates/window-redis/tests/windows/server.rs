//! A server of the test's own: in a folder of its own, gone with the test.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bailiwick_window_redis::{Redis, Settings};
use redis::FromRedisValue;
use tempfile::TempDir;

pub(crate) struct Server {
    folder: TempDir,
    process: Option<Child>,
    options: Vec<String>,
}

impl Server {
    /// Starts a server with these options, beside those that keep it small.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let mut server = Self::stopped(options);
        server.resume().await;
        server
    }

    /// A server that does not run yet.
    pub(crate) fn stopped(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options.iter().map(ToString::to_string).collect();
        Self { folder, process: None, options }
    }

    /// Starts a server on a port of 127.0.0.1, `{port}` in its options; returns the port.
    pub(crate) async fn on_a_port(options: &[&str]) -> (Self, u16) {
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let text: Vec<_> =
                options.iter().map(|option| option.replace("{port}", &port.to_string())).collect();
            let mut server = Self::stopped(&text.iter().map(String::as_str).collect::<Vec<_>>());
            if server.try_resume().await {
                return (server, port);
            }
        }
        panic!("ten ports were free and then were not");
    }

    pub(crate) async fn resume(&mut self) {
        assert!(self.try_resume().await, "redis-server ended at its start");
    }

    async fn try_resume(&mut self) -> bool {
        let process = Command::new("redis-server")
            .current_dir(self.folder.path())
            .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--appendonly", "no"])
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = process.unwrap_or_else(|error| {
            panic!(
                "these tests need `redis-server` on the PATH ({error}); \
                 on Debian: `apt-get install redis-server`"
            )
        });
        let process = self.process.insert(process);
        let socket = self.folder.path().join("socket");
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "redis-server does not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        // A machine under load is no outage.
        Settings::new(self.url()).limit(Duration::from_secs(30))
    }

    /// A node of its own, with its own connection.
    pub(crate) fn node(&self) -> Redis {
        Redis::open(self.settings()).unwrap()
    }

    /// What an operator types.
    pub(crate) async fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut connection).await.unwrap()
    }

    fn url(&self) -> String {
        format!("redis+unix://{}/socket", self.folder.path().display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
