//! Sector identifier documents (OpenID Connect Core §8.1, Dynamic Client Registration §5).

use axum::Router;
use axum::routing::get;
use bailiwick_authorization_server::sector::{self, SectorError};
use bailiwick_fetch::Fetcher;
use bailiwick_grant::state::{Authentication, Client, SubjectType};
use bailiwick_oauth::{ClientId, RedirectUri, WebUrl};
use tokio::net::TcpListener;

const ONE: &str = "https://a.example/cb";
const TWO: &str = "https://b.example/cb";

/// What comes of a client with two redirect URIs and this document.
async fn verdict(document: &'static str) -> Result<(), SectorError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/uris", listener.local_addr().unwrap());
    let json = move || async move { ([("content-type", "application/json")], document) };
    let router = Router::new().route("/uris", get(json));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let id = ClientId::parse("shop").unwrap();
    let mut client = Client::new(id, "Shop", Authentication::None);
    client.redirect_uris = [ONE, TWO].map(|uri| RedirectUri::parse(uri).unwrap()).to_vec();
    client.openid.subject_type = SubjectType::Pairwise;
    client.openid.sector_identifier_uri = Some(WebUrl::parse(&uri).unwrap());
    sector::verify(&Fetcher::builder().build().unwrap(), &client).await
}

//= https://openid.net/specs/openid-connect-registration-1_0.html#section-5
//= type=test
//# The values registered in redirect_uris MUST be included in the elements of the array, or
//# registration MUST fail.
#[tokio::test]
async fn a_sector_lists_every_redirect_uri_of_its_clients() {
    let both = r#"["https://b.example/cb","https://c.example/","https://a.example/cb"]"#;
    assert!(verdict(both).await.is_ok());
    let missing = verdict(r#"["https://a.example/cb","https://b.example/cb/"]"#).await;
    assert!(matches!(missing, Err(SectorError::Missing(uri)) if uri.as_str() == TWO));
    for document in ["{}", "[1]", "x", r#""https://a.example/cb""#] {
        assert!(matches!(verdict(document).await, Err(SectorError::Malformed)), "{document}");
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_had_says_nothing() {
    let id = ClientId::parse("shop").unwrap();
    let mut client = Client::new(id, "Shop", Authentication::None);
    let fetcher = Fetcher::builder().build().unwrap();
    assert!(sector::verify(&fetcher, &client).await.is_ok(), "there is none to look at");
    // Outgoing requests reach no private network.
    client.openid.sector_identifier_uri = Some(WebUrl::parse("https://10.0.0.1/uris").unwrap());
    assert!(matches!(sector::verify(&fetcher, &client).await, Err(SectorError::Fetch(_))));
}
