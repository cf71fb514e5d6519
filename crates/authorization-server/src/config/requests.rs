//! The fields on how clients send their authorization requests.

use super::read::section;

section! {
    /// How clients send their authorization requests. A client may be held to more than all are.
    struct RequestRules("[requests]") {
        /// Whether all must push them ahead of the browser (RFC 9126).
        require_pushed: bool = default "false";
    }
}
