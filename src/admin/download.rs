//! Downloads: a link that works once, for ten minutes, and only for whoever was given it.
//!
//! The ticket in the link is random; the store holds a digest of it. What is secret about a download is sealed under
//! the ticket, so that neither the store nor a log of addresses alone opens it.

use subtle::ConstantTimeEq as _;

use super::export;
use crate::appservice;
use crate::effect::{Effect, Level, Reply};
use crate::ids::{self, key};
use crate::record::{Download, Record, Ticket};
use crate::view::{Missing, View};

/// A ticket is good for so many milliseconds: ten minutes.
const VALID: i64 = 600_000;

/// A ticket and the link that bears it.
pub(super) struct Offer {
    /// What to keep.
    pub(super) keep: Vec<Effect>,
    /// Where to download it.
    pub(super) link: String,
}

/// A fresh ticket.
pub(super) fn ticket(view: &View) -> String {
    ids::digest(&[&ids::token(view.entropy), "ticket"])
}

/// Offers something under a ticket, as a file of this name; nothing where nobody knows how browsers reach the App.
pub(super) fn offer(view: &View, ticket: &str, what: Download, name: &str) -> Result<Option<Offer>, Missing> {
    if view.config.endpoints.is_empty() {
        return Ok(None);
    }
    let outdated = tickets(view)?.into_iter().filter(|it| it.until < view.now);
    let fresh = Ticket { digest: ids::digest(&[ticket]), until: view.now + VALID, what };
    let keep = [Record::Ticket(fresh).insert()].into_iter();
    Ok(Some(Offer {
        keep: keep.chain(outdated.map(|it| Record::Ticket(it).remove())).collect(),
        link: format!("{}/download/{ticket}/{name}", view.config.endpoints),
    }))
}

/// Hands over what a ticket is for, and takes the ticket away.
pub fn answer(view: &View, ticket: &str) -> Result<Vec<Effect>, Missing> {
    let digest = ids::digest(&[ticket]);
    let same = |it: &Ticket| bool::from(it.digest.as_bytes().ct_eq(digest.as_bytes()));
    let good = tickets(view)?.into_iter().filter(|it| it.until >= view.now).find(same);
    let Some(good) = good else {
        return Ok(vec![reply(
            404,
            "This link was used before, or its ten minutes are over. Ask for a new one.",
        )]);
    };
    let file = match &good.what {
        Download::Registration => match appservice::registration(view)? {
            Some(yaml) => Ok(yaml),
            None => Err("there are no tokens".to_owned()),
        },
        Download::Export { key } => export::file(view, ticket, key)?,
    };
    let removed = Record::Ticket(good).remove();
    Ok(match file {
        Ok(text) => vec![removed, Effect::Reply { reply: Reply { status: 200, body: text } }],
        Err(why) => {
            let text = format!("A download was not possible: {why}.");
            vec![removed, reply(409, &text), Effect::Log { level: Level::Warn, text }]
        }
    })
}

fn reply(status: u16, body: &str) -> Effect {
    Effect::Reply { reply: Reply { status, body: body.to_owned() } }
}

fn tickets(view: &View) -> Result<Vec<Ticket>, Missing> {
    let records = view.records(key::TICKETS)?.iter();
    Ok(records.filter_map(|it| if let Record::Ticket(it) = it { Some(it.clone()) } else { None }).collect())
}
