//! Git: every request runs the real `git` program on a repository of the sandbox.
//!
//! * `program`: one run of git, and how it receives a credential. `failure`: what its output means, and how
//!   each protocol answers it.
//! * `request`: shapes of the bodies and the repository that a request names.
//! * `clone`, `branches`, `changes`, `status`, `remotes`, `config`: the requests by topic.
//!
//! The real 0.190 daemon uses go-git. In 0.190 mode the answers are those of go-git, its oddities included;
//! in 0.205 mode a failure carries one of the daemon's `GIT_` codes.

mod branches;
mod changes;
mod clone;
mod config;
mod failure;
mod program;
mod redaction;
mod remotes;
mod request;
mod status;

use super::error;
use crate::Protocol;
use crate::toolbox::Machine;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;

pub fn routes(machine: &Arc<Machine>) -> Router<Arc<Machine>> {
    let newer = Router::new()
        .route("/git/init", post(clone::init))
        .route("/git/reset", post(changes::reset))
        .route("/git/restore", post(changes::restore))
        .route("/git/remotes", get(remotes::list).post(remotes::add))
        .route("/git/config", get(config::get).post(config::set))
        .route("/git/config/user", post(config::set_user))
        .route("/git/credentials", post(config::authenticate))
        .route_layer(from_fn_with_state(machine.clone(), only_0_205));
    Router::new()
        .route("/git/clone", post(clone::clone))
        .route("/git/branches", get(branches::list).post(branches::create).delete(branches::delete))
        .route("/git/checkout", post(branches::checkout))
        .route("/git/add", post(changes::add))
        .route("/git/commit", post(changes::commit))
        .route("/git/pull", post(remotes::pull))
        .route("/git/push", post(remotes::push))
        .route("/git/status", get(status::status))
        .route("/git/history", get(status::history))
        .merge(newer)
}

/// The last self-hosted release does not have these routes.
async fn only_0_205(State(machine): State<Arc<Machine>>, request: Request, next: Next) -> Response {
    match machine.protocol {
        Protocol::V0_205 | Protocol::V0_226 => next.run(request).await,
        Protocol::V0_190 => error::no_route().await.into_response(),
    }
}
