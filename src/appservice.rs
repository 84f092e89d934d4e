//! Homeserver mode: the App as an application service of a Matrix homeserver.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/>

mod annotation;
mod answer;
mod dm;
mod intent;
mod level;
mod media;
mod person;
mod pin;
mod probe;
mod recognition;
mod registration;
mod request;
mod token;
mod transaction;
mod users;

use crate::attachment::{Acceptance, Attachment, Deed, Incoming, Intent, Likeness, Move};
use crate::effect::{Call, Effect, Reply};
use crate::facts::User;
use crate::input::{Answer, Request};
use crate::view::{Missing, View};

pub use probe::{ANYBODY, Inside, LARGE, Probe, is_homeserver, probe};
pub use registration::yaml as registration;
pub use token::{
    are_sealed as tokens_are_sealed, close as close_tokens, locked as locked_tokens, reveal as reveal_tokens,
    rotate as rotate_tokens, unproven as unproven_tokens,
};

/// The homeserver's side of the seam.
#[derive(Clone, Copy, Debug)]
pub struct Appservice;

impl Attachment for Appservice {
    fn has_one_door(&self) -> bool {
        true
    }

    fn keeps_profiles(&self) -> bool {
        true
    }

    fn prepare(&self, view: &View) -> Result<Vec<Effect>, Missing> {
        token::prepare(view)
    }

    fn begin(&self, view: &View, intent: &Intent) -> Result<Move, Missing> {
        intent::begin(view, intent)
    }

    fn resume(&self, view: &View, intent: &Intent, step: &str, answer: &Answer) -> Result<Move, Missing> {
        intent::resume(view, intent, step, answer)
    }

    fn receive(&self, view: &View, request: &Request) -> Result<Incoming, Missing> {
        transaction::receive(view, request)
    }

    fn knock(&self, view: &View, request: &Request) -> Result<Result<Vec<Effect>, Reply>, Missing> {
        Ok(transaction::refusal(view, request)?.map_or(Ok(vec![]), Err))
    }

    /// The homeserver has judged it already.
    fn accept(&self, _view: &View, _room: &str, event: &str) -> Result<Acceptance, Missing> {
        Ok(Acceptance::Show(event.to_owned()))
    }

    fn likeness(&self, view: &View, mxid: &str) -> Result<Option<Likeness>, Missing> {
        person::likeness(view, mxid)
    }

    fn may(
        &self,
        view: &View,
        room: &str,
        mxid: &str,
        deed: Deed,
        seen_by: Option<&User>,
    ) -> Result<bool, Missing> {
        level::may(view, room, mxid, deed, seen_by)
    }

    fn is_in(&self, view: &View, room: &str, mxid: &str, seen_by: &User) -> Result<bool, Missing> {
        level::is_in(view, room, mxid, seen_by)
    }

    fn media(&self, view: &View, of: (&str, &str), older: bool) -> Result<Option<Call>, Missing> {
        media::download(view, of, older)
    }

    fn picture(&self, view: &View, of: (&str, &str), size: u32) -> Result<Option<Call>, Missing> {
        person::picture(view, of, size)
    }
}
