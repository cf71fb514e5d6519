//! The response mode: how the answer to an authorization request travels (OAuth 2.0 Multiple Response
//! Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2, JARM §2.3).

use serde::{Deserialize, Serialize};

/// How the answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ResponseMode {
    /// In the query of the redirect URI: the default of the code.
    #[default]
    #[serde(rename = "query")]
    Query,
    /// In its fragment, which no server sees.
    #[serde(rename = "fragment")]
    Fragment,
    /// In a form that the browser posts there.
    #[serde(rename = "form_post")]
    FormPost,
    /// As a signed token in the query (JARM §2.3.1).
    #[serde(rename = "query.jwt")]
    QueryJwt,
    /// As a signed token in the fragment (JARM §2.3.2).
    #[serde(rename = "fragment.jwt")]
    FragmentJwt,
    /// As a signed token in a form (JARM §2.3.3).
    #[serde(rename = "form_post.jwt")]
    FormPostJwt,
}

/// What carries the answer, signed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The query of the redirect URI.
    Query,
    /// Its fragment.
    Fragment,
    /// A form that the browser posts.
    Form,
}

impl ResponseMode {
    /// Every name that a request may send. `jwt` is the default of the response type, signed
    /// (JARM §2.3.4).
    pub const NAMES: [&str; 7] =
        ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"];

    /// Parses the value of `response_mode`; `None` for a mode that is not known here.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "query" => Self::Query,
            "fragment" => Self::Fragment,
            "form_post" => Self::FormPost,
            "jwt" | "query.jwt" => Self::QueryJwt,
            "fragment.jwt" => Self::FragmentJwt,
            "form_post.jwt" => Self::FormPostJwt,
            _ => return None,
        })
    }

    /// What carries the answer.
    pub const fn carrier(self) -> Carrier {
        match self {
            Self::Query | Self::QueryJwt => Carrier::Query,
            Self::Fragment | Self::FragmentJwt => Carrier::Fragment,
            Self::FormPost | Self::FormPostJwt => Carrier::Form,
        }
    }

    /// Whether the answer is one signed token (JARM §2.1).
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_and_nothing_else() {
        for name in ResponseMode::NAMES {
            let mode = ResponseMode::parse(name).unwrap();
            assert_eq!(mode.is_signed(), name.ends_with("jwt"), "{name}");
            let text = serde_json::to_value(mode).unwrap();
            assert_eq!(ResponseMode::parse(text.as_str().unwrap()), Some(mode), "{name}");
        }
        for bad in ["", "Query", "web_message", "query jwt", "none"] {
            assert_eq!(ResponseMode::parse(bad), None, "{bad}");
        }
    }

    //= https://openid.net/specs/oauth-v2-jarm-final.html#section-2.3.4
    //= type=test
    //# The response mode "jwt" is a shortcut and indicates the default
    //# redirect encoding (query, fragment) for the requested response type.
    #[test]
    fn jwt_alone_is_the_query_of_the_code() {
        assert_eq!(ResponseMode::parse("jwt"), Some(ResponseMode::QueryJwt));
    }
}
