//! Which protocols a route's connections may switch to (RFC 9110 §7.8).

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use toml::Spanned;

use super::reading::{Checked, fault};

/// Which protocols connections may switch to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrades {
    /// None.
    None,
    /// Whatever the upstream agrees to.
    Any,
    /// These, as `websocket`, or with a version behind a slash; in any case of letters.
    Only(Vec<String>),
}

impl Upgrades {
    /// Whether this protocol is among them.
    pub fn have(&self, protocol: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::Only(names) => {
                names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(protocol))
            }
        }
    }
}

/// Checks the setting.
pub(super) fn check(setting: Option<&Spanned<Upgrades>>) -> Checked<Upgrades> {
    let Some(setting) = setting else { return Ok(Upgrades::None) };
    if let Upgrades::Only(names) = setting.get_ref() {
        if names.is_empty() {
            return Err(fault(setting, "no protocol; leave `upgrade` out to switch to none"));
        }
        if names.iter().any(|name| name.eq_ignore_ascii_case("h2c")) {
            let why = "h2c would take further requests past the gateway; `listen` has HTTP/2";
            return Err(fault(setting, why));
        }
    }
    Ok(setting.get_ref().clone())
}

impl<'de> Deserialize<'de> for Upgrades {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Setting;

        impl<'de> Visitor<'de> for Setting {
            type Value = Upgrades;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or a list of protocols, such as [\"websocket\"]")
            }

            fn visit_bool<E: de::Error>(self, any: bool) -> Result<Upgrades, E> {
                Ok(if any { Upgrades::Any } else { Upgrades::None })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Upgrades, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(Upgrades::Only(names))
            }
        }

        deserializer.deserialize_any(Setting)
    }
}
