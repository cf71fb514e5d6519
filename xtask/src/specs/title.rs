//! The titles of the RFCs that this project speaks.

/// The title of an RFC, where it is one of ours.
pub(super) fn title(number: u32) -> Option<&'static str> {
    let at = TITLES.binary_search_by_key(&number, |(number, _)| *number).ok()?;
    Some(TITLES[at].1)
}

// INVARIANT: in ascending order.
const TITLES: [(u32, &str); 49] = [
    (3339, "Date and Time on the Internet: Timestamps"),
    (3986, "Uniform Resource Identifier (URI): Generic Syntax"),
    (4648, "The Base16, Base32, and Base64 Data Encodings"),
    (5280, "Internet X.509 Public Key Infrastructure Certificate and CRL Profile"),
    (6234, "US Secure Hash Algorithms (SHA and SHA-based HMAC and HKDF)"),
    (6265, "HTTP State Management Mechanism"),
    (6454, "The Web Origin Concept"),
    (6749, "The OAuth 2.0 Authorization Framework"),
    (6750, "The OAuth 2.0 Authorization Framework: Bearer Token Usage"),
    (6819, "OAuth 2.0 Threat Model and Security Considerations"),
    (6838, "Media Type Specifications and Registration Procedures"),
    (7009, "OAuth 2.0 Token Revocation"),
    (7239, "Forwarded HTTP Extension"),
    (7515, "JSON Web Signature (JWS)"),
    (7516, "JSON Web Encryption (JWE)"),
    (7517, "JSON Web Key (JWK)"),
    (7518, "JSON Web Algorithms (JWA)"),
    (7519, "JSON Web Token (JWT)"),
    (7521, "Assertion Framework for OAuth 2.0"),
    (7523, "JSON Web Token (JWT) Profile for OAuth 2.0"),
    (7591, "OAuth 2.0 Dynamic Client Registration Protocol"),
    (7592, "OAuth 2.0 Dynamic Client Registration Management Protocol"),
    (7617, "The 'Basic' HTTP Authentication Scheme"),
    (7636, "Proof Key for Code Exchange by OAuth Public Clients"),
    (7638, "JSON Web Key (JWK) Thumbprint"),
    (7662, "OAuth 2.0 Token Introspection"),
    (7797, "JSON Web Signature (JWS) Unencoded Payload Option"),
    (8032, "Edwards-Curve Digital Signature Algorithm (EdDSA)"),
    (8037, "CFRG Elliptic Curves in JOSE"),
    (8252, "OAuth 2.0 for Native Apps"),
    (8259, "The JavaScript Object Notation (JSON) Data Interchange Format"),
    (8414, "OAuth 2.0 Authorization Server Metadata"),
    (8615, "Well-Known Uniform Resource Identifiers (URIs)"),
    (8628, "OAuth 2.0 Device Authorization Grant"),
    (8693, "OAuth 2.0 Token Exchange"),
    (8705, "OAuth 2.0 Mutual-TLS Client Authentication and Certificate-Bound Access Tokens"),
    (8707, "Resource Indicators for OAuth 2.0"),
    (8725, "JSON Web Token Best Current Practices"),
    (9068, "JSON Web Token (JWT) Profile for OAuth 2.0 Access Tokens"),
    (9101, "JWT-Secured Authorization Request (JAR)"),
    (9110, "HTTP Semantics"),
    (9112, "HTTP/1.1"),
    (9126, "OAuth 2.0 Pushed Authorization Requests"),
    (9207, "OAuth 2.0 Authorization Server Issuer Identification"),
    (9396, "OAuth 2.0 Rich Authorization Requests"),
    (9449, "OAuth 2.0 Demonstrating Proof of Possession (DPoP)"),
    (9470, "OAuth 2.0 Step Up Authentication Challenge Protocol"),
    (9700, "Best Current Practice for OAuth 2.0 Security"),
    (9728, "OAuth 2.0 Protected Resource Metadata"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_in_ascending_order() {
        assert!(TITLES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(title(8707), Some("Resource Indicators for OAuth 2.0"));
        assert_eq!(title(1), None);
    }
}
