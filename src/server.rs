//! Direct mode: the workspace as a Matrix server, without a homeserver.
//!
//! So far it publishes its keys, is invited, joins rooms of others, and sends and receives there. It holds no state: a
//! room is the documents of its events, and every decision about one is the kernel's (`matrix`).
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/>

mod answer;
mod authentication;
mod identity;
mod invitation;
mod join;
mod keys;
mod room;
mod route;
mod send;
mod transaction;

pub use identity::{close as close_key, reveal as reveal_keys, rotate as rotate_key};

use crate::attachment::{Acceptance, Attachment, Done, Incoming, Intent, Move};
use crate::effect::Effect;
use crate::input::{Answer, Request};
use crate::view::{Missing, View};

/// The network's side of the seam.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl Attachment for Direct {
    fn prepare(&self, view: &View) -> Result<Vec<Effect>, Missing> {
        identity::draw(view)
    }

    fn begin(&self, view: &View, intent: &Intent) -> Result<Move, Missing> {
        Ok(match intent {
            Intent::Attach => match identity::signer(view)? {
                Ok(_) => Move::done(Done::Attached(format!(
                    "This workspace is the Matrix server {}.",
                    view.config.server_name
                ))),
                Err(why) => Move::Refused { why },
            },
            Intent::Join { room, by, via, transaction, at } => {
                join::begin(view, &join::Wanted { room, by, via, transaction, at: *at })?
            }
            Intent::Send { .. } => send::begin(view, intent)?,
            Intent::Latest { .. } => Move::done(Done::Events(vec![])),
            Intent::Recognise { .. } => Move::done(Done::Recognised(None)),
            Intent::CreateRoom { .. } | Intent::Invite { .. } => Move::Refused {
                why:
                    "in direct mode, rooms are so far made on other servers: have somebody there invite you, \
                      and type /federation join"
                        .to_owned(),
            },
        })
    }

    fn resume(&self, view: &View, intent: &Intent, step: &str, answer: &Answer) -> Result<Move, Missing> {
        match intent {
            Intent::Join { room, by, via, transaction, at } => {
                join::resume(view, &join::Wanted { room, by, via, transaction, at: *at }, step, answer)
            }
            Intent::Send { .. } => send::resume(view, intent, step, answer),
            Intent::Attach
            | Intent::CreateRoom { .. }
            | Intent::Latest { .. }
            | Intent::Invite { .. }
            | Intent::Recognise { .. } => self.begin(view, intent),
        }
    }

    fn receive(&self, view: &View, request: &Request) -> Result<Incoming, Missing> {
        transaction::receive(view, request)
    }

    fn accept(&self, view: &View, room: &str, event: &str) -> Result<Acceptance, Missing> {
        room::accept(view, room, event)
    }
}
