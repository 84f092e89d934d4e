//! Whether one of our users exists: the homeserver asks when somebody invites a user that it does not know.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#get_matrixappv1usersuserid>

use std::rc::Rc;

use percent_encoding::percent_decode_str;

use super::transaction::error;
use crate::attachment::Incoming;
use crate::effect::{Effect, Reply};
use crate::ids::{self, Scope};
use crate::record::{Entry, Record, Work};
use crate::view::{Missing, View};

/// The answer about a user, whose id comes percent-encoded. One that exists is registered on the way, as the
/// specification wants it.
pub(super) fn answer(view: &View, encoded: &str) -> Result<Incoming, Missing> {
    let mxid = percent_decode_str(encoded).decode_utf8_lossy();
    let user = match view.config.local_username(&mxid) {
        Some(username) => view.user_by_name(&username)?.filter(|it| it.is_reachable()),
        None => None,
    };
    let Some(user) = user else { return Ok(error(404, "M_NOT_FOUND", "There is no such user here.")) };
    let digest = ids::digest(&[&mxid]);
    let entry = Entry {
        id: format!("register:{digest}"),
        scope: Scope::apart(&digest),
        at: view.now,
        part: 0,
        work: Work::Register { user: user.clone() },
    };
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    Ok(Incoming::Reply {
        keep: vec![Record::Entry(Rc::new(entry)).insert(), wake],
        reply: Reply { status: 200, body: "{}".to_owned() },
    })
}
