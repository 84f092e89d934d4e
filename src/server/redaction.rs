//! Whether a redaction counts: the rules of a room admit it from everybody, and leave it to each server to apply it.
//!
//! It counts from a user of the server whose event it takes away, which answers for its own, and from whoever has the
//! power for it.
//!
//! Spec: <https://spec.matrix.org/v1.18/rooms/v11/#handling-redactions>

use ruma_events::StateEventType;
use ruma_state_res::Event as _;
use ruma_state_res::events::{RoomCreateEvent, RoomPowerLevelsEvent, RoomPowerLevelsIntField};

use super::room::{Room, stored};
use crate::matrix::pdu::Pdu;
use crate::matrix::resolve::{Events as _, State};
use crate::view::{Missing, View};

/// Whether what an event says counts: if it is a redaction, in the state before it.
pub(super) fn counts(view: &View, room: &Room<'_>, pdu: &Pdu, state: &State) -> Result<bool, Missing> {
    if pdu.event_type().to_string() != "m.room.redaction" {
        return Ok(true);
    }
    let Some(redacted) = pdu.redacts() else { return Ok(false) };
    let Some(redacted) = stored(view, redacted.as_str())?.filter(|it| it.room == room.id) else {
        return Ok(false);
    };
    let Ok(redacted) = Pdu::read(redacted.text.as_bytes(), room.version) else { return Ok(false) };
    Ok(redacted.sender().server_name() == pdu.sender().server_name() || has_power(room, pdu, state))
}

/// Whether the sender of an event has the power to take away what others said.
fn has_power(room: &Room<'_>, pdu: &Pdu, state: &State) -> bool {
    let rules = &room.version.rules().authorization;
    let find = |kind: StateEventType| state.get(&(kind, String::new())).and_then(|id| room.event(id));
    let create = find(StateEventType::RoomCreate);
    let creators = create.as_deref().and_then(|it| RoomCreateEvent::new(it).creators(rules).ok());
    let is_creator = creators.is_some_and(|it| it.contains(pdu.sender()));
    let levels = find(StateEventType::RoomPowerLevels);
    let Some(levels) = levels.as_deref().map(RoomPowerLevelsEvent::new) else {
        return is_creator;
    };
    let of_sender = levels.user_power_level(pdu.sender(), rules);
    let needed = levels.get_as_int_or_default(RoomPowerLevelsIntField::Redact, rules);
    let may = matches!((of_sender, needed), (Ok(has), Ok(needed)) if has >= needed);
    may || rules.explicitly_privilege_room_creators && is_creator
}
