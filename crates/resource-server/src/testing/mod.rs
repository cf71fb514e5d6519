//! An issuer for tests: good tokens, clients that prove their keys, and hostile requests (RFC 9068,
//! RFC 9449, RFC 8725).
//!
//! With the feature `testing`, which belongs into `dev-dependencies` alone. An issuer, an API that
//! trusts it, and a token are three lines; nothing listens, and nothing is fetched:
//!
//! ```
//! # use axum::{Router, body::Body, handler::Handler, routing::get};
//! # use bailiwick_resource_server::{ResourceServer, VerifiedToken};
//! # use http::{Request, StatusCode};
//! # use tower::ServiceExt;
//! # fn app(api: &ResourceServer) -> Router {
//! #     let list = |token: VerifiedToken| async move { token.subject().to_string() };
//! #     let list = list.layer(api.require("read:orders").unwrap());
//! #     Router::new().route("/orders", get(list)).layer(api.layer())
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bailiwick_resource_server::testing::TestIssuer;
//!
//! let issuer = TestIssuer::new();
//! let api = issuer.protect("https://api.example.com")?;
//! let token = issuer.token().scope("read:orders").subject("alice").mint(&api);
//!
//! let request = Request::get("/orders").header("authorization", format!("Bearer {token}"));
//! let answer = app(&api).oneshot(request.body(Body::empty())?).await?;
//! assert_eq!(answer.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```
//!
//! What must stay out is at hand too: every request that is known to have got into some API. None of
//! them has more than one fault, so each shows that its very check is there.
//!
//! ```
//! # use axum::{Router, body::Body, routing::get};
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use bailiwick_resource_server::testing::TestIssuer;
//! # let issuer = TestIssuer::new();
//! # let api = issuer.protect("https://api.example.com")?;
//! # let app = Router::new().route("/", get(|| async { "" })).layer(api.layer());
//! for hostile in issuer.hostile("https://api.example.com") {
//!     let answer = app.clone().oneshot(hostile.request::<Body>()).await?;
//!     assert!(!answer.status().is_success(), "{hostile}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! An API in another process finds the issuer by its address: see [`TestIssuer::serve`].
//!
//! Everything here panics where it cannot do what it was asked for: tests end there.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test ends where it cannot go on"
)]

pub mod client;
pub mod clock;
pub mod hostile;
pub mod issuer;
pub mod token;

mod endpoint;
mod forge;

pub use client::TestClient;
pub use clock::TestClock;
pub use hostile::{Aim, Hostile};
pub use issuer::TestIssuer;
pub use token::{Addressee, TokenBuilder};
