use std::path::Path;

use bailiwick_grant::state::{Authentication, SenderConstraint};

use super::*;
use crate::config::{Config, ConfigError, Surroundings};

fn parse(lines: &str) -> Result<Config, ConfigError> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls"));
    let text = format!("issuer = \"https://id.example.com\"\n{lines}");
    Config::parse(&text, &Surroundings { name: "as.toml", folder, environment: &|_| None })
}

fn wrong(lines: &str) -> String {
    parse(lines).expect_err("the file is wrong").to_string()
}

#[test]
fn tls_and_client_certificates_become_what_the_server_works_with() {
    let config = parse("").unwrap();
    assert!(config.tls.is_none() && config.certificates.is_none());

    let files = "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key.pem\"\n";
    let tls = parse(files).unwrap().tls.unwrap();
    assert!(tls.files.key.ends_with("tests/tls/server.key.pem"));
    assert_eq!(tls.ask, AskForCertificate::Nobody);

    let everybody = parse(&format!("{files}[mtls]\n")).unwrap();
    assert_eq!(everybody.tls.unwrap().ask, AskForCertificate::Everybody);
    let config = parse(&format!(
        "proxies = [\"10.0.0.1\"]\n{files}[mtls]\norigin = \"https://MTLS.example.com:8443/\"\n\
         client_ca = \"ca.pem\"\nheader = \"X-Client-Cert\"\n"
    ))
    .unwrap();
    assert_eq!(config.tls.unwrap().ask, AskForCertificate::At("mtls.example.com".to_owned()));
    let certificates = config.certificates.unwrap();
    assert_eq!(certificates.origin.as_deref(), Some("https://mtls.example.com:8443"));
    assert!(certificates.authorities.is_some());
    let name = HeaderName::from_static("x-client-cert");
    assert_eq!(certificates.header, Some(CertificateHeader::Pem { name }));
}

#[test]
fn a_mistake_in_the_sections_has_its_line() {
    for (lines, expected) in [
        ("[tls]\ncertificate = \"server.pem\"\n", "2:1: `key` is missing"),
        ("[mtls]\norigin = \"https://id.example.com\"\n", "3:10: this is the issuer's own origin"),
        ("[mtls]\norigin = \"http://mtls.example.com\"\n", "3:10: malformed origin"),
        ("[mtls]\norigin = \"https://mtls.example.com/x\"\n", "3:10: malformed origin"),
        ("[mtls]\norigin = \"https://192.0.2.1\"\n", "3:10: malformed origin"),
        ("[mtls]\nclient_ca = \"server.key.pem\"\n", "no certificate of an authority"),
        ("[mtls]\nclient_ca = \"nothing.pem\"\n", "3:13: cannot read"),
        ("[mtls]\nheader = \"x-cert\"\n", "3:10: nobody is believed about client certificates"),
        (
            "proxies = [\"10.0.0.1\"]\n[mtls]\nheader = \"x\"\nformat = \"der\"\n",
            "5:10: unknown format",
        ),
        (
            "proxies = [\"10.0.0.1\"]\n[mtls]\nheader = \"x\"\nformat = \"xfcc\"\n",
            "4:10: this format has a header of its own",
        ),
        ("sender_constraint = \"mtls\"\n", "nobody can show a certificate"),
    ] {
        let told = wrong(lines);
        assert!(told.contains(expected), "{told}");
    }
}

const CLIENT: &str = "[mtls]\nclient_ca = \"ca.pem\"\n[[client]]\nid = \"bank\"\nname = \"Bank\"\n\
                      redirect_uris = [\"https://bank.example/cb\"]\n";

#[test]
fn a_client_names_its_certificate() {
    let tls = "authentication = \"tls_client_auth\"\nsender_constraint = \"mtls\"\n";
    let subject = |table: &str| {
        let config = parse(&format!("{CLIENT}{tls}tls = {{ {table} }}\n")).unwrap();
        assert_eq!(config.clients[0].sender.constraint, SenderConstraint::Mtls);
        config.clients[0].authentication.clone()
    };
    let name = DistinguishedName::parse("CN=bank,O=Example\\, Inc.,C=DE").unwrap();
    for (table, expected) in [
        (r"subject_dn = 'CN=bank, O=Example\, Inc., C=DE'", Subject::Name(name)),
        ("san_dns = 'bank.example'", Subject::Dns("bank.example".to_owned())),
        ("san_uri = 'spiffe://a/b'", Subject::Uri("spiffe://a/b".to_owned())),
        ("san_ip = '192.0.2.1'", Subject::Ip("192.0.2.1".parse().unwrap())),
        ("san_email = 'a@b.example'", Subject::Email("a@b.example".to_owned())),
    ] {
        assert_eq!(subject(table), Authentication::Tls { subject: expected }, "{table}");
    }
}

#[test]
fn a_client_whose_certificate_cannot_be_known_is_refused() {
    let one = "this client needs one subject of its certificates";
    let told = |lines: &str| wrong(&format!("{CLIENT}{lines}"));
    let tls = "authentication = \"tls_client_auth\"\n";
    assert!(told(tls).contains(one));
    let two = told(&format!("{tls}tls = {{ san_dns = 'a', san_ip = '192.0.2.1' }}\n"));
    assert!(two.contains(one), "{two}");
    let other = told("authentication = \"none\"\ntls = { san_dns = 'a' }\n");
    assert!(other.contains("does not authenticate with `tls_client_auth`"), "{other}");
    let bad = told(&format!("{tls}tls = {{ subject_dn = 'bank' }}\n"));
    assert!(bad.contains("a distinguished name is made of parts"), "{bad}");
    let unasked = CLIENT.replace("[mtls]\nclient_ca = \"ca.pem\"\n", "");
    let told = wrong(&format!("{unasked}{tls}tls = {{ san_dns = 'a' }}\n"));
    assert!(told.contains("nobody can show a certificate"), "{told}");
    let unvouched = CLIENT.replace("client_ca = \"ca.pem\"\n", "");
    let told = wrong(&format!("{unvouched}{tls}tls = {{ san_dns = 'a' }}\n"));
    assert!(told.contains("no authority vouches"), "{told}");
}
