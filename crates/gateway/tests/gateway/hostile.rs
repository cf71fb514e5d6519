//! Every hostile request of the library's list, through the gateway: none reaches the upstream.

use bailiwick_resource_server::testing::{Aim, Hostile, TestIssuer};
use http::Method;
use tokio::task::JoinSet;

use crate::support::{Answer, DRIVE, World, send};

const FILE: &str = "https://api.example.com/drive/files/a";

/// A gateway before an API with a scope, a path that takes any token, and one that needs none.
async fn world(issuer: &TestIssuer) -> World {
    let config = r#"
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "https://trusted.invalid"
        upstream = "UPSTREAM"
        prefix = "/drive"
        strip_prefix = true
        routes = [
          { path = "/files/**", scopes = ["read:files"] },
          { path = "/any", scopes = [], forward_token = true },
          { path = "/healthz", public = true },
        ]
    "#;
    World::with(&config.replace("https://trusted.invalid", issuer.url())).await
}

/// A request as it stands on the wire.
fn octets(hostile: &Hostile) -> Vec<u8> {
    let Hostile { method, target, headers, body, .. } = hostile;
    let length = body.len();
    let mut octets = format!(
        "{method} {target} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\
         Content-Length: {length}\r\n"
    )
    .into_bytes();
    for (name, value) in headers {
        octets.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    octets.extend([b"\r\n", body.as_bytes()].concat());
    octets
}

/// Sends them all at once: those with unknown keys wait for one fetch together.
async fn send_all(world: &World, hostile: Vec<Hostile>) -> Vec<(Hostile, Answer)> {
    let (gateway, mut sent) = (world.gateway, JoinSet::new());
    for hostile in hostile {
        sent.spawn(async move {
            let answer = send(gateway, &octets(&hostile)).await;
            (hostile, answer)
        });
    }
    sent.join_all().await
}

#[tokio::test]
async fn nothing_hostile_reaches_the_upstream() {
    let issuer = TestIssuer::serve().await;
    let world = world(&issuer).await;
    let scoped = Aim::at(DRIVE).path("/drive/files/a").scope("read:files");
    let any = Aim::at(DRIVE).path("/drive/any").method(Method::POST);
    for aim in [scoped, any] {
        let hostile = issuer.hostile(aim);
        assert!(hostile.len() >= 150, "{}", hostile.len());
        for (hostile, answer) in send_all(&world, hostile).await {
            // Heads that are too large are refused before they are read.
            let is_too_large = answer.status == 431 && hostile.headers.len() == 1;
            let expected = hostile.status().as_u16();
            assert!(answer.status == expected || is_too_large, "{hostile}: {answer:?}");
        }
    }
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_hostile_becomes_an_identity_on_a_public_path() {
    let issuer = TestIssuer::serve().await;
    let world = world(&issuer).await;
    let hostile = issuer.hostile(Aim::at(DRIVE).path("/drive/healthz"));
    for (hostile, answer) in send_all(&world, hostile).await {
        if answer.status == 200 {
            let saw = answer.json();
            let headers = saw["headers"].as_array().unwrap();
            let told = headers.iter().map(|header| header[0].as_str().unwrap()).find(|name| {
                name.starts_with("x-auth-") || matches!(*name, "authorization" | "dpop")
            });
            assert_eq!(told, None, "{hostile}");
        } else {
            assert!((400..500).contains(&answer.status), "{hostile}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn nothing_right_stays_out() {
    let issuer = TestIssuer::serve().await;
    let world = world(&issuer).await;
    let client = issuer.client();
    let scoped = || issuer.token().scope("read:files");
    let bound = scoped().bound_to(&client).mint(DRIVE);
    let proof = client.proof(&Method::GET, FILE, &bound, None);
    let sent = [
        format!("Authorization: Bearer {}", scoped().mint(DRIVE)),
        format!("Authorization: bearer {}", scoped().mint(DRIVE)),
        format!("authorization: BEARER   {}", scoped().mint(DRIVE)),
        format!("Authorization: Bearer {}", scoped().audience(["a", DRIVE]).mint(DRIVE)),
        format!("Authorization: DPoP {bound}\r\nDPoP: {proof}"),
    ];
    for (number, headers) in sent.iter().enumerate() {
        let request = format!(
            "GET /drive/files/a HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\
             {headers}\r\n\r\n"
        );
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 200, "{headers}: {answer:?}");
        assert_eq!(world.upstream.seen().len(), number + 1);
    }
    // The last one once more: its proof was used.
    let again = format!(
        "GET /drive/files/a HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n{}\r\n\r\n",
        sent[4]
    );
    assert_eq!(world.send(&again).await.status, 401);
    assert_eq!(world.upstream.seen().len(), sent.len());
}

#[tokio::test]
async fn a_withdrawn_key_lets_nobody_in() {
    let issuer = TestIssuer::serve().await;
    let world = world(&issuer).await;
    let old = issuer.token().scope("read:files").mint(DRIVE);
    assert_eq!(world.get("/drive/files/a", "a", Some(&old)).await.status, 200);
    issuer.rotate();
    let new = issuer.token().scope("read:files").mint(DRIVE);
    assert_eq!(world.get("/drive/files/a", "a", Some(&new)).await.status, 200);
    assert_eq!(world.get("/drive/files/a", "a", Some(&old)).await.status, 401);
    assert_eq!(world.upstream.seen().len(), 2);
}
