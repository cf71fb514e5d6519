//! A real HTTP server on a free port of this machine.

use axum::Router;

/// Serves the router until the test ends; gives `http://127.0.0.1:port`.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}
