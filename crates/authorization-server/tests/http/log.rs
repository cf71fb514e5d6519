//! The log: one event per request, with the rule that decided and without any secret.

use std::cell::RefCell;
use std::io::Write;

use super::browser::{Browser, parameter, ticket};
use super::server::{API, PASSWORD, SECRET, Server, VERIFIER};

thread_local! {
    /// What was logged on the thread of one test; the subscriber is the whole process's.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(octets));
        Ok(octets.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_who_asked_for_what_and_keeps_secrets() {
    let server = Server::new().await;
    tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(|| Lines)
        .init();

    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid offline_access read"), ("resource", API)];
    let page = browser.authorize(&asked).await;
    let ticket = ticket(&page);
    let consent = browser.sign_in(&page, "ada").await;
    let code = parameter(&browser.allow(&consent).await, "code");
    server.redeem(&code, &[("resource", "https://unknown.example")]).await;
    let answer = server.redeem(&code, &[("resource", API)]).await;
    let pairs = [("grant_type", "client_credentials"), ("resource", API), ("scope", "read write")];
    let own = server.post_as("warehouse", SECRET, "/token", &pairs).await;

    let log = String::from_utf8(LINES.take()).unwrap();
    let mut secrets = vec![
        ticket,
        code,
        answer.text("access_token"),
        answer.text("refresh_token"),
        answer.text("id_token"),
        own.text("access_token"),
    ];
    secrets.extend(browser.cookies.values().cloned());
    secrets.extend([PASSWORD, SECRET, VERIFIER, "Ada", "s-ada"].map(str::to_owned));
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} in {log}");
    }
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let requests: Vec<_> = events
        .iter()
        .map(|event| &event["fields"])
        .filter(|fields| fields["message"] == "request")
        .collect();
    assert_eq!(requests.len(), 7, "{log}");
    let refused = requests.iter().find(|one| one["verdict"] == "invalid_target").unwrap();
    assert_eq!(refused["reason"], "resource_unknown");
    assert_eq!(refused["client"], "shop");
    assert_eq!(refused["route"], "/token");
    let own = requests.last().unwrap();
    assert_eq!((&own["verdict"], &own["resource"]), (&"issued".into(), &API.into()));
    assert_eq!(own["dropped"], "write on https://api.example.com: client_ceiling");
}
