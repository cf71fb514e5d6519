//! Health checks: every server is asked now and then whether it is well.

use std::sync::{Arc, Weak};

use http::Request;
use http_body_util::{BodyExt, Limited};
use tokio::time::{sleep, timeout};

use super::balance::Member;
use super::pool::{Freshness, Way};
use super::upload::Upload;
use crate::config::HealthCheck;

/// Asks a server for as long as somebody knows it.
pub(super) async fn watch(member: Weak<Member>, check: HealthCheck) {
    let way = Way { target: check.path.clone(), takes_trailers: false, upgrade: None };
    let mut failures = 0;
    loop {
        {
            let Some(member) = member.upgrade() else { return };
            if timeout(check.timeout, is_well(&member, &way)).await.unwrap_or(false) {
                failures = 0;
                member.note_health(true);
            } else {
                failures += 1;
                if failures >= check.failures {
                    member.note_health(false);
                }
            }
        }
        // The operator's interval between two questions.
        sleep(check.interval).await;
    }
}

async fn is_well(member: &Arc<Member>, way: &Way) -> bool {
    let mut turn = member.turn();
    let mut freshness = Freshness::Any;
    loop {
        let Ok((pool, taken)) = turn.connect(freshness).await else { return false };
        let mut request = Request::new(Upload::empty());
        if pool.address(&mut request, way, taken.is_http2()).is_err() {
            return false;
        }
        match taken.send(request).await {
            Ok(answer) => {
                let is_good = answer.status().is_success();
                return is_good && Limited::new(answer, LONGEST_ANSWER).collect().await.is_ok();
            }
            // The server may have closed an idle connection: that says nothing of its health.
            Err(_) if taken.is_reused && freshness == Freshness::Any => {
                freshness = Freshness::New;
            }
            Err(_) => return false,
        }
    }
}

/// Nobody reads what a server says of its health, beside the status.
const LONGEST_ANSWER: usize = 64 * 1024;
