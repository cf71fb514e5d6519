//! axum behind `huskarl-resource-server`, which has a validator and no layer: the middleware is
//! the few lines that its guide shows.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::{Router, routing::get};
use bench_serve::{Protection, Result, answer};
use huskarl_reqwest::ReqwestClient;
use huskarl_resource_server::core::server_metadata::AuthorizationServerMetadata;
use huskarl_resource_server::validator::metadata::ValidatorMetadata;
use huskarl_resource_server::validator::rfc9068::Rfc9068Validator;

struct Api {
    validator: Rfc9068Validator<()>,
    metadata: ValidatorMetadata,
    uri: Uri,
}

fn main() -> Result<()> {
    bench_serve::run(async |Protection { issuer, resource }| {
        let client = ReqwestClient::builder().build().await?;
        let metadata = AuthorizationServerMetadata::oidc_fetch()
            .http_client(&client)
            .issuer(issuer)
            .call()
            .await?;
        let validator = Rfc9068Validator::builder_from_metadata(&metadata)
            .jwks_source(client)
            .audience(resource.clone())
            .build()
            .await?;
        let metadata = validator.validator_metadata(Some(&resource));
        let api = Arc::new(Api { validator, metadata, uri: resource.parse()? });
        Ok(Router::new().route("/", get(answer)).layer(from_fn_with_state(api, protect)))
    })
}

async fn protect(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response<Body> {
    // The URI is for DPoP proofs alone, which no request here brings.
    let found =
        api.validator.validate_request(request.headers(), request.method(), &api.uri, None).await;
    match found.rejection(&api.metadata, None) {
        None => next.run(request).await,
        Some(rejection) => rejection
            .apply(Response::builder())
            .body(Body::empty())
            .unwrap_or_else(|_| Response::new(Body::from("a rejection that is no response"))),
    }
}
