//! The export: all that makes up an installation in one file, sealed with a key that is shown once.
//!
//! It holds what cannot be made again: tokens, signing keys, portals, ghosts, the latest of each room's ledger, and what
//! still waits. What is remembered of others, signs of life and tickets stay behind.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::download;
use crate::appservice;
use crate::effect::Effect;
use crate::ids::{self, key};
use crate::matrix::seal::{nonce, open, seal};
use crate::record::{Download, Entry, Record, Work};
use crate::secret::Secret;
use crate::server;
use crate::view::{Key, Missing, View};

/// What the file is sealed for.
pub(super) const PURPOSE: &str = "export";

/// What its key is sealed for, until the download.
const KEY_PURPOSE: &str = "export key";

/// So many of the newest segments of each room's ledger go along: what older messages became is left behind.
const SEGMENTS: u64 = 8;

/// The largest export, in bytes before it is sealed: sealed it must fit into an upload of 16 MiB.
const LARGEST: usize = 11 * 1024 * 1024;

/// What belongs to the workspace and is carried as it is.
const PLAIN: [&str; 7] =
    [key::PORTALS, key::GHOSTS, key::PUPPETS, key::SEALS, key::JOURNALS, key::DEAD, key::INVITATIONS];

/// What belongs to the workspace and is carried in the open, though it may be kept sealed.
const SECRET: [&str; 2] = [key::TOKENS, key::SIGNING];

/// The file.
#[derive(Serialize, Deserialize)]
pub(super) struct Outside {
    /// What it is.
    pub(super) kind: String,
    /// Its version.
    pub(super) v: u32,
    /// The server name that it is for.
    pub(super) server: String,
    /// When it was made, in milliseconds.
    pub(super) at: i64,
    /// What it holds.
    pub(super) sealed: String,
}

/// What is sealed in it.
#[derive(Serialize, Deserialize)]
pub(super) struct Inside {
    /// The server name, where nobody can change it.
    pub(super) server: String,
    /// The documents' bodies.
    pub(super) records: Vec<String>,
}

/// The file's kind and version.
pub(super) const FORMAT: (&str, u32) = ("matrix-federation-export", 1);

/// Offers the export for download, with its key, or says why not.
pub fn offer(view: &View) -> Result<(Vec<Effect>, String), Missing> {
    if !view.config.is_complete() {
        return Ok((vec![], "There is nothing to export yet: the App is not set up.".to_owned()));
    }
    let ticket = download::ticket(view);
    let key = ids::digest(&[&ids::token(view.entropy), "export key"]);
    let secret = Secret::new(ticket.clone());
    let Ok(sealed) = seal(&secret, KEY_PURPOSE, &nonce(&view.entropy, KEY_PURPOSE), key.as_bytes()) else {
        return Ok((vec![], "The export could not be prepared.".to_owned()));
    };
    let name = format!("matrix-federation-{}.json", view.config.server_name.replace([':', '[', ']'], "_"));
    Ok(match download::offer(view, &ticket, Download::Export { key: sealed }, &name)? {
        Some(offer) => {
            let text = format!(
                "[Download the export]({}) (once, within ten minutes). It is sealed; this is its key, which is shown \
                 only here and only now. Keep it apart from the file:\n```\n{key}\n```\nWhoever has both can speak in \
                 the name of everybody here. To take it over after the App was removed: install it, set it up as \
                 before, post the file in a direct message to the App, and type `/federation import` and the key \
                 there.",
                offer.link
            );
            (offer.keep, text)
        }
        None => (
            vec![],
            "Set the workspace's address (Site_Url) first: the download is reached there.".to_owned(),
        ),
    })
}

/// The file for a ticket.
pub(super) fn file(view: &View, ticket: &str, key: &str) -> Result<Result<String, String>, Missing> {
    let records = match gathered(view)? {
        Ok(records) => records,
        Err(why) => return Ok(Err(why)),
    };
    let Ok(key) = open(&Secret::new(ticket.to_owned()), KEY_PURPOSE, key) else {
        return Ok(Err("the ticket is damaged".to_owned()));
    };
    let body =
        |it: Record| if let Effect::Insert { document } = it.insert() { Some(document.body) } else { None };
    let bodies = records.into_iter().filter(is_carried).filter_map(body);
    let server = view.config.server_name.clone();
    let inside = Inside { server: server.clone(), records: bodies.collect() };
    // Texts only: writing them as JSON cannot fail.
    let plain = Zeroizing::new(serde_json::to_vec(&inside).unwrap_or_default());
    if plain.len() > LARGEST {
        return Ok(Err(format!(
            "it has {} MiB, and no more than 11 can be imported",
            plain.len() / 1024 / 1024
        )));
    }
    let secret = Secret::new(String::from_utf8_lossy(&key).into_owned());
    Ok(seal(&secret, PURPOSE, &nonce(&view.entropy, PURPOSE), &plain).map_err(|why| why.to_string()).map(
        |sealed| {
            let (kind, v) = FORMAT;
            let outside = Outside { kind: kind.to_owned(), v, server, at: view.now, sealed };
            serde_json::to_string(&outside).unwrap_or_default()
        },
    ))
}

/// Whether a record is part of an installation's identity.
pub(super) fn is_carried(record: &Record) -> bool {
    match record {
        Record::Entry(_)
        | Record::Dead(_)
        | Record::Portal(_)
        | Record::Ghost(_)
        | Record::Link(_)
        | Record::Segment(_)
        | Record::Checkpoint(_)
        | Record::Compared(_)
        | Record::Tokens(_)
        | Record::TokensInUse(_)
        | Record::SigningKey(_)
        | Record::RetiredKey(_)
        | Record::Invitation(_)
        | Record::Joined(_)
        | Record::Event(_)
        | Record::Snapshot(_)
        | Record::Head(_)
        | Record::Made(_)
        | Record::Held(_)
        | Record::Reaction(_)
        | Record::Suspended(_)
        | Record::Departed(_)
        | Record::Puppet(_)
        | Record::Profile(_)
        | Record::Presented(_)
        | Record::Seal(_)
        | Record::Carried(_)
        | Record::Poll(_)
        | Record::Vote(_)
        | Record::Uploaded(_) => true,
        Record::Retry(_)
        | Record::Heartbeat(_)
        | Record::Poke(_)
        | Record::Remembered(_)
        | Record::Ticket(_)
        | Record::Checked(_)
        | Record::Outage(_)
        | Record::Mark(_)
        | Record::Told(_) => false,
    }
}

/// All records that may be part of it, with secrets in the open.
fn gathered(view: &View) -> Result<Result<Vec<Record>, String>, Missing> {
    view.all(PLAIN.iter().chain(&SECRET).map(|it| Key::documents(*it)))?;
    let found = |association: &str| view.records(association).map(<[Record]>::to_vec);
    let keys = match server::reveal_keys(view)? {
        Ok(keys) => keys,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(why) = appservice::locked_tokens(view)? {
        return Ok(Err(why));
    }
    let mut records = [appservice::reveal_tokens(view)?, keys].concat();
    for association in PLAIN {
        records.extend(found(association)?);
    }
    // What belongs to each room and person, and to what waits.
    let of_records = records.iter().flat_map(of_record).collect::<Vec<_>>();
    view.all(of_records.iter().map(Key::documents))?;
    for association in &of_records {
        // A person's own record is found by both ways.
        let of_person = |it: &Record| matches!(it, Record::Ghost(_) | Record::Puppet(_));
        records.extend(found(association)?.into_iter().filter(|it| !of_person(it)));
    }
    // What that in turn refers to.
    let referred = records.iter().flat_map(referred).collect::<Vec<_>>();
    view.all(referred.iter().map(Key::documents))?;
    for association in &referred {
        records.extend(found(association)?);
    }
    Ok(Ok(records))
}

/// What belongs to a portal, to a person or to a waiting entry.
fn of_record(record: &Record) -> Vec<String> {
    if let Record::Portal(it) = record {
        let [local, remote] = [&it.local, &it.remote];
        let of_local = [key::ledger(local), key::compared(local), key::reactions_in(local)];
        return [of_local.as_slice(), &[key::joined(remote), key::room_state(remote), key::heads(remote)]]
            .concat();
    }
    if let Record::Ghost(it) = record {
        return vec![key::ghost(&it.mxid)];
    }
    if let Record::Puppet(it) = record {
        return vec![key::puppet(&it.user)];
    }
    if let Record::Entry(it) = record { vec![key::made(&transaction(it))] } else { vec![] }
}

fn transaction(entry: &Entry) -> String {
    if let Work::Post { message } = &entry.work { ids::transaction(&message.id) } else { entry.id.clone() }
}

fn referred(record: &Record) -> Vec<String> {
    if let Record::Checkpoint(it) = record {
        let first = it.segment.saturating_sub(SEGMENTS).saturating_add(1);
        return (first..=it.segment).map(|number| key::segment(&it.room, number)).collect();
    }
    if let Record::Head(it) = record { vec![key::event(&it.event), key::snapshot(&it.after)] } else { vec![] }
}
