//! The gateway as a client of the issuer: who it is there (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2).

use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_oauth::{ClientId, Secret};
use bailiwick_resource_server::ClientAuthentication;
use toml::Spanned;

use super::held::{Around, Held};
use super::reading::{Checked, fault, parsed};
use super::tables::tables;

/// Who the gateway is at an issuer, and how it proves that.
#[derive(Debug, Clone, PartialEq)]
pub enum Credentials {
    /// By a secret.
    Secret(ClientId, Held<Secret>),
    /// By assertions that it signs.
    Key(ClientId, Held<SigningKey>),
    /// By a certificate, with its chain and its key.
    Certificate(ClientId, Held<String>, Held<String>),
    /// By a token of its own.
    Bearer(Held<Secret>),
}

impl Credentials {
    /// The credentials in the form that requests are made with.
    pub(crate) fn authentication(&self) -> ClientAuthentication {
        match self {
            Self::Secret(client_id, secret) => ClientAuthentication::SecretBasic {
                client_id: client_id.clone(),
                secret: secret.secret(),
            },
            Self::Key(client_id, key) => ClientAuthentication::PrivateKeyJwt {
                client_id: client_id.clone(),
                key: key.share(),
            },
            Self::Certificate(client_id, ..) => {
                ClientAuthentication::Certificate { client_id: client_id.clone() }
            }
            Self::Bearer(token) => ClientAuthentication::Bearer { token: token.secret() },
        }
    }
}

tables! {
    /// The gateway as a client of the issuer, to look tokens up or exchange them: `client_id` with
    /// a secret, a key or a certificate; or a token alone. Files are named from the folder of the
    /// configuration file.
    "`[resource.credentials]`" CredentialsTable {
        /// Its name at the issuer.
        client_id: Option<Spanned<String>>, "text", "none";
        /// A file that holds its secret.
        client_secret_file: Option<Spanned<String>>, "file", "none";
        /// The environment variable that holds its secret.
        client_secret_env: Option<Spanned<String>>, "name", "none";
        /// A file with the private key, PKCS#8 in PEM, that signs its assertions
        /// (`private_key_jwt`).
        private_key_file: Option<Spanned<String>>, "file", "none";
        /// The algorithm of that key.
        private_key_algorithm: Option<Spanned<String>>, "algorithm", "`\"ES256\"`";
        /// A file with the certificate that it shows (`tls_client_auth`), in PEM, its chain behind
        /// it.
        certificate_file: Option<Spanned<String>>, "file", "none";
        /// A file with the private key of that certificate, in PEM.
        certificate_key_file: Option<Spanned<String>>, "file", "none";
        /// A file with a token of its own, sent as `Authorization: Bearer`; for introspection.
        token_file: Option<Spanned<String>>, "file", "none";
    }
}

/// Checks credentials: exactly one way of them.
pub(super) fn check(table: &Spanned<CredentialsTable>, around: &Around) -> Checked<Credentials> {
    let place = table;
    let table = table.get_ref();
    let ways = [
        table.client_secret_file.is_some() || table.client_secret_env.is_some(),
        table.private_key_file.is_some(),
        table.certificate_file.is_some() || table.certificate_key_file.is_some(),
        table.token_file.is_some(),
    ];
    if ways.iter().filter(|is_set| **is_set).count() != 1 {
        return Err(fault(
            place,
            "expected one of `client_secret_file`, `client_secret_env`, `private_key_file`, \
             `certificate_file` with `certificate_key_file`, and `token_file`",
        ));
    }
    if let (Some(algorithm), None) = (&table.private_key_algorithm, &table.private_key_file) {
        return Err(fault(algorithm, "there is no `private_key_file` that it would be of"));
    }
    if let Some(file) = &table.token_file {
        let token = around.secret(Some(file), None)?;
        return token.map(Credentials::Bearer).ok_or_else(|| fault(file, "the token is empty"));
    }
    let Some(name) = &table.client_id else {
        return Err(fault(place, "no `client_id`: the name of the gateway at the issuer"));
    };
    let explain = |_| "not a client identifier: it is printable ASCII, and not empty";
    let client_id = parsed(name, ClientId::parse, explain)?;
    let secret =
        around.secret(table.client_secret_file.as_ref(), table.client_secret_env.as_ref())?;
    if let Some(secret) = secret {
        return Ok(Credentials::Secret(client_id, secret));
    }
    if let Some(file) = &table.private_key_file {
        let algorithm = algorithm(table.private_key_algorithm.as_ref())?;
        let key = around.held(file, |pem| SigningKey::from_pem(algorithm, pem))?;
        return Ok(Credentials::Key(client_id, key));
    }
    match (&table.certificate_file, &table.certificate_key_file) {
        (Some(certificate), Some(key)) => {
            let text = |pem: &str| Ok::<_, std::convert::Infallible>(pem.to_owned());
            let chain = around.held(certificate, text)?;
            Ok(Credentials::Certificate(client_id, chain, around.held(key, text)?))
        }
        _ => Err(fault(
            place,
            "a certificate needs both `certificate_file` and `certificate_key_file`",
        )),
    }
}

/// The algorithm of a key of the gateway's own: ES256 where nobody says.
pub(super) fn algorithm(name: Option<&Spanned<String>>) -> Checked<Algorithm> {
    name.map_or(Ok(Algorithm::Es256), known_algorithm)
}

/// An algorithm by its name.
pub(super) fn known_algorithm(name: &Spanned<String>) -> Checked<Algorithm> {
    let names = Algorithm::ALL.map(Algorithm::name).join(", ");
    parsed(name, str::parse, |_| format!("not a signature algorithm; known are {names}"))
}
