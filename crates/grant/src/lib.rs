//! What may be issued: the pure decisions of the authorization server.
