//! The meeting of both sides: every input comes in here, and what is to be done about it goes out.
//!
//! `decide` is a pure function. It reads only the view, and where the view lacks something it says so.

mod account;
mod adopt;
mod avatar;
mod check;
mod command;
mod dm;
mod edit;
mod encryption;
mod everyone;
mod failure;
mod file;
mod ghost;
mod incoming;
mod instance;
mod invite;
mod invited;
mod join;
mod journal;
mod ledger;
mod link;
mod names;
mod outage;
mod outgoing;
mod owner;
mod people;
mod pin;
mod pinned;
mod portal;
mod presented;
mod profile;
mod reaction;
mod reconcile;
mod redaction;
mod reply;
mod thread;
mod typing;
mod uploaded;
mod waiting;
mod work;

use crate::admin;
use crate::appservice::Appservice;
use crate::attachment::Attachment;
use crate::config::Mode;
use crate::effect::Effect;
use crate::input::Input;
use crate::server::Direct;
use crate::view::{Missing, View};

/// What is to be done about an input.
pub fn decide(input: &Input, view: &View) -> Result<Vec<Effect>, Missing> {
    match input {
        Input::Start => instance::start(view),
        Input::Tick => instance::tick(view),
        Input::Stop => instance::stop(view),
        Input::Wake { scope } => work::wake(view, scope),
        Input::Step { tag } => work::step(view, tag),
        Input::Outcome { tag, answer } => work::outcome(view, tag, answer),
        Input::Failed { tag, why } => failure::failed(view, tag, why),
        Input::Reconcile { scope, skip, began } => reconcile::compare(view, scope, *skip, *began),
        Input::MessageSent { message } => outgoing::accept(view, message),
        Input::Command { user, room, words, place } => command::run(view, user, room, words, place.as_ref()),
        Input::Request { request } => incoming::accept(view, request),
        Input::MessageEdited { message, by } => edit::accept(view, message, by.as_ref()),
        Input::MessageDeleted { message, by } => redaction::accept(view, message, by),
        Input::MessageReacted { message, emoji, by, on } => reaction::accept(view, message, emoji, by, *on),
        Input::MessagePinned { message, by, on } => pin::accept(view, message, by, *on),
        Input::Check { user, room } => check::answer(view, user, room),
        Input::Trapped { tag } => failure::trapped(view, tag),
        Input::Knock { request } => incoming::knock(view, request),
        Input::Download { ticket } => admin::download(view, ticket),
        Input::PersonChanged { user } => people::changed(view, user),
    }
}

/// How the workspace is on the network.
fn attachment(view: &View) -> &'static dyn Attachment {
    match view.config.mode {
        Mode::Homeserver => &Appservice,
        Mode::Direct => &Direct,
    }
}
