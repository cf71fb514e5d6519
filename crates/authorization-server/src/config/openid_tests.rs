use std::path::Path;

use bailiwick_grant::state::Client;

use super::*;
use crate::config::{Config, Surroundings};

/// The client of a file with these redirect URIs and settings, or what is wrong with it.
fn read(uris: &str, settings: &str) -> Result<Client, String> {
    let text = format!(
        "issuer = \"https://id.example.com\"\n[[client]]\nid = \"shop\"\nname = \"Shop\"\n\
         authentication = \"none\"\nredirect_uris = [{uris}]\n[client.openid]\n{settings}\n"
    );
    let around = Surroundings { name: "as.toml", folder: Path::new(""), environment: &|_| None };
    let config = Config::parse(&text, &around).map_err(|error| error.to_string())?;
    Ok(config.clients.into_iter().next().unwrap())
}

const ONE: &str = "\"https://a.example/cb\"";
const TWO: &str = "\"https://a.example/cb\", \"https://b.example/cb\"";
const APP: &str = "\"https://a.example/cb\", \"com.example.app:/cb\"";

#[test]
fn the_settings_of_a_client_are_read() {
    let client = read(
        TWO,
        "id_token_signed_response_alg = \"PS256\"\nuserinfo_signed_response_alg = \"ES256\"\n\
         subject_type = \"pairwise\"\nsector_identifier_uri = \"https://s.example/uris\"\n\
         default_max_age = \"1h\"\ndefault_acr_values = [\"gold\"]\nresponse_iss = \"omit\"\n\
         post_logout_redirect_uris = [\"https://a.example/bye\"]\n\
         backchannel_logout_uri = \"https://a.example/logout\"",
    );
    let openid = client.unwrap().openid;
    assert_eq!(openid.id_token_signed_response_alg, Algorithm::Ps256);
    assert_eq!(openid.userinfo_signed_response_alg, Some(Algorithm::Es256));
    assert_eq!(openid.subject_type, SubjectType::Pairwise);
    assert_eq!(openid.sector_identifier_uri.unwrap().host(), "s.example");
    assert_eq!((openid.default_max_age, openid.default_acr_values.len()), (Some(3600), 1));
    assert_eq!(openid.response_iss, ResponseIss::Omit);
    assert_eq!(openid.post_logout_redirect_uris[0].as_str(), "https://a.example/bye");
    assert_eq!(openid.backchannel_logout_uri.unwrap().as_str(), "https://a.example/logout");
    assert_eq!(read(ONE, "").unwrap().openid, OpenidSettings::default());
}

#[test]
fn a_record_of_an_older_release_has_the_defaults() {
    let mut record = serde_json::to_value(read(ONE, "").unwrap()).unwrap();
    record.as_object_mut().unwrap().remove("openid");
    let client: Client = serde_json::from_value(record).unwrap();
    assert_eq!(client.openid, OpenidSettings::default());
    assert_eq!(client.openid.response_iss, ResponseIss::Send);
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_remedy() {
    let pairwise = "subject_type = \"pairwise\"";
    assert!(read(ONE, pairwise).is_ok());
    for (uris, settings, expected) in [
        (TWO, pairwise, "as.toml:8:16: the redirect URIs do not have one host"),
        (APP, pairwise, "add `sector_identifier_uri`"),
        (ONE, "sector_identifier_uri = \"https://s.example/\"", "for pairwise subjects alone"),
        (ONE, "backchannel_logout_uri = \"http://a.example/\"", "malformed URL: plain http"),
        (ONE, "id_token_signed_response_alg = \"none\"", "none of the known words"),
        (
            ONE,
            "post_logout_redirect_uris = [\"https://a/x\", \"https://a/x\"]",
            "the post-logout redirect URI `https://a/x` is listed twice",
        ),
    ] {
        let text = read(uris, settings).map(drop).unwrap_err();
        assert!(text.contains(expected), "{text}\nis not\n{expected}");
    }
    let around = Surroundings { name: "as.toml", folder: Path::new(""), environment: &|_| None };
    let text = "issuer = \"https://id.example.com\"\n[login]\nacr = \"two words\"\n";
    let error = Config::parse(text, &around).unwrap_err().to_string();
    assert!(error.contains("an `acr` holds no space"), "{error}");
}
