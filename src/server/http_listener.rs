//! Serves the pages of `web/` on a socket.

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves `pages` on `listener` until `stop`, then lets open requests finish.
///
/// Errors: none that end it; a connection that fails is that connection's affair.
pub async fn serve(listener: TcpListener, pages: Router, stop: CancellationToken) {
    let served = axum::serve(listener, pages)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    // Invariant of axum 0.8: its accept loop retries, so `serve` ends by the signal only.
    debug_assert!(served.is_ok());
}
