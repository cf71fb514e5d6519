//! An OAuth client: discovery, code with PKCE, client credentials, refresh per resource.
