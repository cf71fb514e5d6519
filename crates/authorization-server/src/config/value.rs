//! The values of the file: each is read into the word that it stands for.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use bailiwick_grant::state::{
    DpopNonce, Fallback, GrantKind, Parameter, Pkce, Profile, RefreshTokens, ResponseIss,
    SenderConstraint, SubjectType, TokenFormat,
};
use bailiwick_grant::{AssertionProfile, Named};
use bailiwick_jose::Algorithm;
use bailiwick_oauth::{ClientId, Issuer, RedirectUri, Resource, Scope, Subject, WebUrl};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::nearest::nearest;
use super::read::{At, FromText, FromToml, Reader, Wrong};
use crate::{branding, password};

/// A span of time in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub(super) i64);

/// The picture of the pages.
#[derive(Debug, Clone)]
pub(super) struct Logo(pub(super) branding::Logo);

/// The colour of the pages.
#[derive(Debug, Clone)]
pub(super) struct Accent(pub(super) branding::Accent);

/// A whole number from 1 on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) u16);

/// A text that people read: not empty, one line.
#[derive(Debug, Clone)]
pub(super) struct Words(pub(super) String);

/// How a client authenticates, before its credentials are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    None,
    Basic,
    Post,
    PrivateKeyJwt,
    Tls,
    SelfSignedTls,
}

/// How far a ceiling reaches.
#[derive(Debug, Clone)]
pub(super) enum ReachEntry {
    Everything,
    Only(Vec<At<Scope>>),
}

/// A resource server in a ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reached {
    Named(Resource),
    Others,
}

/// The argon2id hash of a password, as a PHC string.
#[derive(Debug, Clone)]
pub(super) struct PasswordHash(pub(super) String);

/// Claims about a user (OpenID Connect Core §5.1).
#[derive(Debug, Clone)]
pub(super) struct Claims(pub(super) Map<String, Value>);

/// Declares a type that is written as one of a few words.
macro_rules! words {
    ($type:ty { $($word:literal => $value:expr,)* }) => {
        impl FromText for $type {
            const KIND: &'static str = words!(@kind $($word)*);
            fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
                match text {
                    $($word => Ok($value),)*
                    _ => Err(unknown_word(text, &[$($word),*])),
                }
            }
        }
    };
    (@kind $first:literal $($word:literal)*) => {
        concat!("`\"", $first, "\"`", $(" or `\"", $word, "\"`",)*)
    };
}
pub(super) use words;

words!(TokenFormat { "jwt" => Self::Jwt, "opaque" => Self::Opaque, });
words!(Algorithm {
    "RS256" => Self::Rs256,
    "PS256" => Self::Ps256,
    "ES256" => Self::Es256,
    "ES384" => Self::Es384,
    "EdDSA" => Self::EdDsa,
});
words!(Method {
    "none" => Self::None,
    "client_secret_basic" => Self::Basic,
    "client_secret_post" => Self::Post,
    "private_key_jwt" => Self::PrivateKeyJwt,
    "tls_client_auth" => Self::Tls,
    "self_signed_tls_client_auth" => Self::SelfSignedTls,
});
words!(GrantKind {
    "authorization_code" => Self::AuthorizationCode,
    "refresh_token" => Self::RefreshToken,
    "client_credentials" => Self::ClientCredentials,
    "device_code" => Self::DeviceCode,
    "token_exchange" => Self::TokenExchange,
    "jwt_bearer" => Self::JwtBearer,
});
words!(SenderConstraint {
    "none" => Self::None,
    "dpop" => Self::Dpop,
    "mtls" => Self::Mtls,
    "any" => Self::Any,
});
words!(Profile {
    "none" => Self::None,
    "fapi2" => Self::Fapi2,
    "fapi2-message-signing" => Self::Fapi2MessageSigning,
});
words!(DpopNonce { "optional" => Self::Optional, "required" => Self::Required, });
words!(AssertionProfile { "id-jag" => Self::IdJag, "jwt" => Self::Jwt, });
words!(Named { "username" => Self::Username, "subject" => Self::Subject, });
words!(Pkce { "required" => Self::Required, "optional" => Self::Optional, });
words!(Fallback { "global" => Self::Global, "granted" => Self::Granted, });
words!(Parameter { "ignore" => Self::Ignore, "accept" => Self::Accept, "require" => Self::Require, });
words!(SubjectType { "public" => Self::Public, "pairwise" => Self::Pairwise, });
words!(ResponseIss { "send" => Self::Send, "omit" => Self::Omit, });
words!(RefreshTokens { "offline_access" => Self::OfflineAccess, "always" => Self::Always, });

pub(super) fn unknown_word(text: &str, known: &[&str]) -> Wrong {
    let help = nearest(text, known.iter().copied()).map_or_else(
        || format!("write one of {}", known.join(", ")),
        |meant| format!("did you mean \"{meant}\"?"),
    );
    Wrong::new(format!("\"{}\" is none of the known words", text.escape_debug()), help)
}

impl FromText for Issuer {
    const KIND: &'static str = "an `https` URL without query and fragment";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| {
            let help = "write an https URL such as \"https://id.example.com\"; \
                        http is for this machine only";
            Wrong::new(format!("malformed issuer: {why}"), help)
        })
    }
}

impl FromText for Resource {
    const KIND: &'static str = "an absolute URI without fragment";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        use bailiwick_oauth::resource::MalformedResource as Malformed;
        Self::parse_with(text, reader.plain_http).map_err(|why| {
            let help = match why {
                Malformed::PlainHttp => {
                    "on a closed network set `dangerous_allow_plain_http_resources = true`"
                }
                _ => "write an identifier such as \"https://api.example.com/orders\"",
            };
            Wrong::new(format!("malformed resource identifier: {why}"), help)
        })
    }
}

impl FromText for RedirectUri {
    const KIND: &'static str = "an `https`, loopback `http` or private-use URI without fragment";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| {
            let help = "write for example \"https://shop.example.com/callback\", \
                        \"http://127.0.0.1/callback\" or \"com.example.app:/callback\"";
            Wrong::new(format!("malformed redirect URI: {why}"), help)
        })
    }
}

impl FromText for WebUrl {
    const KIND: &'static str = "an `https` URL, or `http` on this machine";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| {
            let help = "write an https URL such as \"https://shop.example.com/jwks\"";
            Wrong::new(format!("malformed URL: {why}"), help)
        })
    }
}

impl FromText for Scope {
    const KIND: &'static str = "a scope name";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| Wrong::new(format!("malformed scope: {why}"), ""))
    }
}

impl FromText for ClientId {
    const KIND: &'static str = "a client identifier";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| Wrong::new(format!("malformed id: {why}"), ""))
    }
}

impl FromText for Subject {
    const KIND: &'static str = "1 to 255 printable ASCII characters";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| Wrong::new(format!("malformed subject: {why}"), ""))
    }
}

impl FromText for SocketAddr {
    const KIND: &'static str = "an IP address and a port";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        text.parse().map_err(|_| {
            let help = "write for example \"127.0.0.1:9000\" or \"[::]:9000\"";
            Wrong::new("malformed address to listen on", help)
        })
    }
}

impl FromText for IpAddr {
    const KIND: &'static str = "an IP address";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        text.parse().map_err(|_| {
            let help = "write for example \"127.0.0.1\" or \"::1\", without port or prefix";
            Wrong::new("malformed IP address", help)
        })
    }
}

impl FromText for PathBuf {
    const KIND: &'static str = "a path, relative to the file's folder";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Err(Wrong::new("the path is empty", "write for example \"bailiwick.db\""));
        }
        Ok(reader.around.folder.join(text))
    }
}

impl FromText for Logo {
    const KIND: &'static str = "the path of an SVG or PNG picture, relative to the file's folder";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        let path = reader.around.folder.join(text);
        let octets = std::fs::read(&path).map_err(|why| {
            let help = "name a file that this user can read; paths start at this file's folder";
            Wrong::new(format!("cannot read the picture {}: {why}", path.display()), help)
        })?;
        let logo = branding::Logo::new(octets);
        logo.map(Self).map_err(|why| Wrong::new(why.to_string(), "take another picture"))
    }
}

impl FromText for Accent {
    const KIND: &'static str = "a colour, `#rrggbb`";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        let accent = branding::Accent::parse(text);
        accent.map(Self).map_err(|why| Wrong::new(format!("`{text}` is unfit: {why}"), ""))
    }
}

impl FromText for Words {
    const KIND: &'static str = "a text";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        let long = text.chars().count() > LONGEST_WORDS;
        if text.trim().is_empty() || long || text.chars().any(char::is_control) {
            let help = format!("write one line of at most {LONGEST_WORDS} characters");
            return Err(Wrong::new("the text is empty, too long or has control characters", help));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromText for PasswordHash {
    const KIND: &'static str = "an argon2id hash as a PHC string";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        password::check_hash(text).map_err(|why| {
            let help = "write the hash of the password, \"$argon2id$v=19$m=19456,t=2,p=1$…\", \
                        never the password itself";
            Wrong::new(why.to_string(), help)
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl FromText for Reached {
    const KIND: &'static str = "a resource identifier, or `*` for every other one";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        if text == "*" {
            return Ok(Self::Others);
        }
        <Resource as FromText>::parse(text, reader).map(Self::Named)
    }
}

impl FromToml for ReachEntry {
    fn kind() -> String {
        "a list of scope names, or `\"*\"` for all of them".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "*" => Some(Self::Everything),
            DeValue::Array(_) => Vec::read(value, reader).map(Self::Only),
            _ => reader.wrong_kind::<Self>(value),
        }
    }
}

impl FromToml for Seconds {
    fn kind() -> String {
        "seconds, or a text such as `\"10m\"`".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let seconds = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(text) => parse_time(text),
            _ => return reader.wrong_kind::<Self>(value),
        };
        let read = seconds.filter(|seconds| (0..=LONGEST_TIME).contains(seconds)).map(Self);
        if read.is_none() {
            let help = "write seconds, or a text such as \"90s\", \"10m\", \"12h\" or \"30d\"; \
                        at most ten years";
            reader.problem(&value.span(), "malformed time", help);
        }
        read
    }
}

impl FromToml for Count {
    fn kind() -> String {
        "a whole number from 1 to 1000".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            return reader.wrong_kind::<Self>(value);
        };
        let read = u16::from_str_radix(number.as_str(), number.radix()).ok();
        let read = read.filter(|number| (1..=1000).contains(number)).map(Self);
        if read.is_none() {
            reader.problem(&value.span(), format!("expected {}", Self::kind()), "");
        }
        read
    }
}

impl FromToml for Claims {
    fn kind() -> String {
        "a table of claims".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            return reader.wrong_kind::<Self>(value);
        };
        let mut claims = Map::new();
        let mut fine = true;
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if OF_THE_TOKEN.contains(&name) {
                let message = format!("`{name}` is a claim of the token, not of the user");
                reader.problem(&key.span(), message, "leave it out");
                fine = false;
            } else if let Some(value) = json(value) {
                claims.insert(name.to_owned(), value);
            } else {
                reader.problem(&value.span(), "JSON has no such number", "write a finite number");
                fine = false;
            }
        }
        fine.then_some(Self(claims))
    }
}

/// A TOML value as JSON; dates become texts. `None` for numbers that JSON cannot hold.
pub(super) fn json(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    Some(match value.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            Value::from(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => {
            serde_json::Number::from_f64(number.as_str().parse().ok()?)?.into()
        }
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(array) => array.iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| Some((key.get_ref().as_ref(), value)));
            let entries =
                entries.map(|entry| entry.and_then(|(k, v)| Some((k.to_owned(), json(v)?))));
            entries.collect::<Option<Map<_, _>>>()?.into()
        }
    })
}

fn parse_time(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let unit = match unit.trim_start() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

/// Ten years: longer is a slip of the unit.
const LONGEST_TIME: i64 = 10 * 366 * 24 * 3600;

/// The longest text on a page.
const LONGEST_WORDS: usize = 200;

/// Claims that say something of the token; a user's table must not speak for it.
const OF_THE_TOKEN: [&str; 18] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "sid",
    "cnf",
    "client_id",
    "scope",
];
