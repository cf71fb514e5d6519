use super::*;

const NOW: i64 = 1_800_000_000;

fn pem(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn der(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(&pem(name)).unwrap()
}

#[test]
fn what_stands_in_a_certificate_is_read() {
    let identity = identity(&der("vouched")).unwrap();
    let name = DistinguishedName::parse("CN=bank,O=Example\\, Inc.,C=DE").unwrap();
    assert_eq!(identity.subject, Some(name));
    assert_eq!(identity.dns, ["bank.example"]);
    assert_eq!(identity.uris, ["spiffe://example/bank"]);
    assert_eq!(identity.ips, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(identity.emails, ["bank@example.com"]);
    assert!(!identity.is_vouched_for);
    assert!(identity.key.is_some(), "P-256");
    assert!(super::identity(&der("self-signed")).unwrap().key.is_some(), "Ed25519");
    assert_eq!(super::identity(b"rubbish"), None);
    assert_eq!(super::identity(&[&*der("vouched"), b"x"].concat()), None, "something behind it");
}

#[test]
fn an_authority_vouches_for_clients_in_their_time() {
    let authorities = Authorities::from_pem(&pem("ca")).unwrap();
    let vouch = |names: &[&str], now| {
        let chain: Vec<_> = names.iter().map(|name| der(name)).collect();
        authorities.vouch_for(&chain, now)
    };
    assert!(vouch(&["vouched"], NOW));
    assert!(vouch(&["vouched", "ca"], NOW), "the authority may stand beside it");
    assert!(!vouch(&["vouched"], 0), "not yet");
    assert!(!vouch(&["vouched"], NOW + 101 * 366 * 24 * 3600), "no longer");
    assert!(!vouch(&["for-servers"], NOW), "its use is another");
    assert!(!vouch(&["self-signed"], NOW));
    assert!(!vouch(&["self-signed", "vouched"], NOW), "only the first is the client's");
    assert!(!vouch(&[], NOW));
}

#[test]
fn authorities_are_certificates() {
    assert!(Authorities::from_pem(b"").is_err());
    assert!(Authorities::from_pem(&pem("server.key")).is_err());
}
