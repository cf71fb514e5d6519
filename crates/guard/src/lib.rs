//! What may pass: the pure decisions of the resource server.
