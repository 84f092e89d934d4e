//! The import: an earlier installation's identity taken over from its export.
//!
//! The file is checked as a whole before anything is written. What is written comes in such an order that the
//! installation is in good order after each document; what is there already is not written again, so that an import that
//! was broken off is simply repeated.

use std::collections::BTreeSet;

use super::export::{FORMAT, Inside, Outside, PURPOSE, is_carried};
use crate::appservice;
use crate::effect::Effect;
use crate::facts::{Room, User};
use crate::ids::{Scope, key};
use crate::matrix::seal::open;
use crate::record::{Portal, Record};
use crate::secret::Secret;
use crate::server;
use crate::view::{Key, Missing, View};

/// Takes over the last file that somebody posted in a room, or says why not.
pub fn take(view: &View, user: &User, room: &Room, key: &str) -> Result<(Vec<Effect>, String), Missing> {
    view.all([
        Key::PostedFile { room: room.id.clone(), user: user.id.clone() },
        Key::documents(key::PORTALS),
        Key::documents(key::TOKENS),
        Key::documents(key::JOURNALS),
    ])?;
    let refused = |why: &str| Ok((vec![], format!("Nothing was imported: {why}.")));
    let Some(file) = view.posted_file(&room.id, &user.id)? else {
        return refused("you have posted no file in this room lately, or one of more than 16 MiB");
    };
    let records = match read(view, file, key) {
        Ok(records) => records,
        Err(why) => return refused(&why),
    };
    if let Some(why) = contradiction(view, &records)? {
        return refused(&why);
    }
    view.all(records.iter().map(|it| Key::documents(it.id())))?;
    let mut effects = vec![];
    for record in &records {
        if view.records(&record.id())?.is_empty() {
            effects.push(record.clone().insert());
        }
    }
    let imported: BTreeSet<String> = records.iter().filter_map(pair).collect();
    let outdone = appservice::unproven_tokens(view)?.into_iter().filter(|it| !imported.contains(&it.pair()));
    effects.extend(outdone.map(|it| Record::Tokens(it).remove()));
    effects.push(Effect::Wake { scope: Scope::workspace(), at: view.now });
    effects.extend(taken_up(view, &records));
    let count = |is: fn(&Record) -> bool| records.iter().filter(|it| is(it)).count();
    let text = format!(
        "Imported: {} rooms, {} people of Matrix, {} things that wait. Delete the file here, and make a new export \
         instead of keeping this one.",
        count(|it| matches!(it, Record::Portal(_))),
        count(|it| matches!(it, Record::Ghost(_))),
        count(|it| matches!(it, Record::Entry(_))),
    );
    Ok((effects, text))
}

/// The records in a file, in the order they are to be written, with their secrets as they are to be kept here.
fn read(view: &View, file: &str, key: &str) -> Result<Vec<Record>, String> {
    let outside: Outside =
        serde_json::from_str(file).map_err(|_| "the last file you posted is not an export".to_owned())?;
    if (&*outside.kind, outside.v) != FORMAT {
        return Err("the file is not an export that this version of the App can read".to_owned());
    }
    let plain = open(&Secret::new(key.to_owned()), PURPOSE, &outside.sealed)
        .map_err(|_| "this is not the key of this file, or the file is damaged".to_owned())?;
    let inside: Inside = serde_json::from_slice(&plain).map_err(|_| "the file is damaged".to_owned())?;
    if inside.server != view.config.server_name {
        return Err(format!(
            "the file is for {}; set that server name in the App's settings first",
            inside.server
        ));
    }
    let mut records = vec![];
    for body in &inside.records {
        let record = Record::parse(body).filter(is_carried);
        let record =
            record.ok_or("it holds something that this version of the App does not know".to_owned())?;
        records.push(closed(view, record)?);
    }
    records.sort_by_key(rank);
    records.dedup_by_key(|it| it.id());
    Ok(records)
}

fn closed(view: &View, record: Record) -> Result<Record, String> {
    if let Record::Tokens(it) = &record {
        return Ok(Record::Tokens(appservice::close_tokens(view, it)));
    }
    if let Record::SigningKey(it) = &record {
        server::close_key(view, it).map(Record::SigningKey)
    } else {
        Ok(record)
    }
}

/// Why the file does not go together with what is here.
fn contradiction(view: &View, records: &[Record]) -> Result<Option<String>, Missing> {
    let portals: Vec<&Portal> = portals(records).collect();
    let is_other =
        |here: &&Portal| portals.iter().all(|it| it.local != here.local || it.remote != here.remote);
    let mut here = self::portals(view.records(key::PORTALS)?);
    Ok(here.find(is_other).map(|it| {
        format!(
            "this installation has rooms of its own by now, such as {}, which the file does not know",
            it.remote
        )
    }))
}

fn portals(records: &[Record]) -> impl Iterator<Item = &Portal> {
    records.iter().filter_map(|it| if let Record::Portal(it) = it { Some(it) } else { None })
}

/// Portals come after what was said in them, or it would be sent again; what waits comes after its portal, or it would
/// be passed over.
fn rank(record: &Record) -> u8 {
    if matches!(record, Record::Portal(_)) {
        1
    } else if matches!(record, Record::Dead(_)) {
        2
    } else if matches!(record, Record::Entry(_)) {
        3
    } else {
        0
    }
}

fn pair(record: &Record) -> Option<String> {
    if let Record::Tokens(it) = record { Some(it.pair()) } else { None }
}

/// The effects that set going what was taken over.
fn taken_up(view: &View, records: &[Record]) -> Vec<Effect> {
    let rooms = portals(records).map(|it| Scope::local(&it.local));
    let compare = rooms.map(|scope| Effect::Reconcile { scope, skip: 0, began: None });
    let waiting: BTreeSet<Scope> = records
        .iter()
        .filter_map(|it| if let Record::Entry(it) = it { Some(it.scope.clone()) } else { None })
        .collect();
    compare.chain(waiting.into_iter().map(|scope| Effect::Wake { scope, at: view.now })).collect()
}
