//! Whether one of our users exists: the homeserver asks when somebody invites a user that it does not know.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#get_matrixappv1usersuserid>

use std::rc::Rc;

use percent_encoding::percent_decode_str;

use super::transaction::error;
use crate::attachment::Incoming;
use crate::effect::{Effect, Reply};
use crate::facts::User;
use crate::ids::{self, Scope};
use crate::puppet;
use crate::record::{Entry, Record, Work};
use crate::view::{Missing, View};

/// The answer about a user, whose id comes percent-encoded. One that exists is registered on the way, as the
/// specification wants it.
pub(super) fn answer(view: &View, encoded: &str) -> Result<Incoming, Missing> {
    let mxid = percent_decode_str(encoded).decode_utf8_lossy();
    let Some(user) = puppet::user(view, &mxid)?.filter(User::is_reachable) else {
        return Ok(error(404, "M_NOT_FOUND", "There is no such user here."));
    };
    let digest = ids::digest(&[&mxid]);
    let entry = Entry {
        id: format!("register:{digest}"),
        scope: Scope::apart(&digest),
        at: view.now,
        part: 0,
        work: Work::Register { user },
    };
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    Ok(Incoming::Reply {
        keep: vec![Record::Entry(Rc::new(entry)).insert(), wake],
        reply: Reply { status: 200, body: "{}".to_owned() },
    })
}
