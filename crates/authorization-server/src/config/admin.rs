//! The admin listener: where explanations are had.

use std::net::SocketAddr;

use super::read::{At, Reader, section};

section! {
    /// A listener for the operator alone: `POST /explain/grant` (`bailiwick explain grant --server`)
    /// and `GET /healthz`. Without `listen` there is none. Nobody has to sign in there.
    struct Section("[admin]") {
        /// Address and port, of the loopback interface.
        listen: At<SocketAddr> = optional "\"127.0.0.1:9001\"";
    }
}

/// The address to listen on, if there is one; anything but loopback is a mistake.
pub(super) fn check(section: &Section, reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let listen = section.listen.as_ref()?;
    if !listen.value.ip().to_canonical().is_loopback() {
        let message = "whoever reaches this address asks what everybody may do; nobody signs in";
        reader.problem(&listen.span, message, "write an address of loopback, \"127.0.0.1:9001\"");
    }
    Some(listen.value)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, Surroundings};

    #[test]
    fn the_operator_listens_on_loopback_alone() {
        let read = |listen: &str| {
            let text =
                format!("issuer = \"https://id.example.com\"\n[admin]\nlisten = \"{listen}\"");
            let around =
                Surroundings { name: "as.toml", folder: Path::new(""), environment: &|_| None };
            Config::parse(&text, &around)
        };
        for good in ["127.0.0.1:9001", "[::1]:9001"] {
            assert_eq!(read(good).unwrap().admin, good.parse().ok());
        }
        for bad in ["0.0.0.0:9001", "192.0.2.1:9001", "[::]:9001"] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.starts_with("as.toml:3:10: whoever reaches this address"), "{error}");
        }
    }
}
