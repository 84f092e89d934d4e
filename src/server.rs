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
mod probe;
mod redaction;
mod room;
mod route;
mod send;
mod transaction;

pub use identity::{close as close_key, reveal as reveal_keys, rotate as rotate_key};
pub use probe::{Probe, Published, probe};

use crate::attachment::{Acceptance, Attachment, Deed, DmIntent, Done, Incoming, Intent, Likeness, Move};
use crate::effect::{Call, Effect, Reply};
use crate::facts::User;
use crate::input::{Answer, Request};
use crate::view::{Missing, View};

/// The network's side of the seam.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl Attachment for Direct {
    fn has_one_door(&self) -> bool {
        false
    }

    /// Each server answers for its own people, and media of others is not fetched so far.
    fn keeps_profiles(&self) -> bool {
        false
    }

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
            Intent::Redact { is_ours: false, .. } => {
                Move::Refused { why: "in direct mode, what others said cannot be taken back yet".to_owned() }
            }
            Intent::Redact { by: None, .. } => Move::Refused {
                why:
                    "whoever said it has no account any more, and in direct mode nobody else can take it back"
                        .to_owned(),
            },
            Intent::Send { .. } | Intent::Redact { .. } => send::begin(view, intent)?,
            Intent::Latest { .. } => Move::done(Done::Events(vec![])),
            Intent::Recognise { .. } => Move::done(Done::Recognised(None)),
            Intent::Dm(DmIntent::Register { .. }) => Move::done(Done::Plainly),
            Intent::CreateRoom { .. } | Intent::Invite { .. } | Intent::Dm(_) => Move::Refused {
                why:
                    "in direct mode, rooms are so far made on other servers: have somebody there invite you, \
                      and type /federation join"
                        .to_owned(),
            },
            Intent::Person(_) => Move::Refused {
                why: "in direct mode, whoever asks for a profile is told how it is just then".to_owned(),
            },
            Intent::Upload { .. } => {
                Move::Refused { why: "in direct mode, files are not carried so far".to_owned() }
            }
            Intent::Pin { .. } => {
                Move::Refused { why: "in direct mode, pins are not carried so far".to_owned() }
            }
        })
    }

    fn resume(&self, view: &View, intent: &Intent, step: &str, answer: &Answer) -> Result<Move, Missing> {
        match intent {
            Intent::Join { room, by, via, transaction, at } => {
                join::resume(view, &join::Wanted { room, by, via, transaction, at: *at }, step, answer)
            }
            Intent::Send { .. } | Intent::Redact { .. } => send::resume(view, intent, step, answer),
            Intent::Attach
            | Intent::CreateRoom { .. }
            | Intent::Latest { .. }
            | Intent::Invite { .. }
            | Intent::Dm(_)
            | Intent::Recognise { .. }
            | Intent::Person(_)
            | Intent::Pin { .. }
            | Intent::Upload { .. } => self.begin(view, intent),
        }
    }

    fn receive(&self, view: &View, request: &Request) -> Result<Incoming, Missing> {
        transaction::receive(view, request)
    }

    fn knock(&self, view: &View, request: &Request) -> Result<Result<Vec<Effect>, Reply>, Missing> {
        authentication::knock(view, request)
    }

    fn accept(&self, view: &View, room: &str, event: &str) -> Result<Acceptance, Missing> {
        room::accept(view, room, event)
    }

    /// Rooms say it of everybody who is in them.
    fn likeness(&self, _view: &View, _mxid: &str) -> Result<Option<Likeness>, Missing> {
        Ok(None)
    }

    /// The state of rooms is not looked at for that so far.
    fn may(&self, _: &View, _: &str, _: &str, _: Deed, _: Option<&User>) -> Result<bool, Missing> {
        Ok(false)
    }

    /// The same.
    fn is_in(&self, _: &View, _: &str, _: &str, _: &User) -> Result<bool, Missing> {
        Ok(true)
    }

    /// Media of other servers is not fetched so far.
    fn media(&self, _view: &View, _of: (&str, &str), _older: bool) -> Result<Option<Call>, Missing> {
        Ok(None)
    }

    /// Media of other servers is not fetched so far.
    fn picture(&self, _view: &View, _of: (&str, &str), _size: u32) -> Result<Option<Call>, Missing> {
        Ok(None)
    }
}
