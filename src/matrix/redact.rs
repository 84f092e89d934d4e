//! Redaction: what of an event stays when its content is taken away.
//!
//! What every version keeps is what the event's place in the room hangs on; the signature and the event's id cover
//! just that. Which names stay is said here, in which versions by ruma's tables.
//!
//! Spec: <https://spec.matrix.org/v1.18/rooms/v12/#redactions>

use ruma_common::room_version_rules::RedactionRules;

use super::json::{ObjectWriter, Value};
use super::version::RoomVersion;

/// What is left out besides what a redaction takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The signatures: what is signed, and what the event's id is the hash of.
    Signatures,
    /// Nothing: the event as it stands after a redaction.
    Nothing,
}

/// Writes an event as a redaction leaves it, canonically.
pub fn write_redacted(event: Value<'_>, version: RoomVersion, without: Without, out: &mut String) {
    let rules = &version.rules().redaction;
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut object = ObjectWriter::begin(out);
    for (name, value) in event.entries() {
        match name.as_ref() {
            "content" if value.is_object() => write_content(value, &kind, rules, object.name("content")),
            "signatures" if without == Without::Signatures => {}
            name if keeps(name, rules) => value.write(object.name(name)),
            _ => {}
        }
    }
    object.end();
}

fn keeps(name: &str, rules: &RedactionRules) -> bool {
    match name {
        "auth_events" | "content" | "depth" | "event_id" | "hashes" | "origin_server_ts" | "prev_events"
        | "room_id" | "sender" | "signatures" | "state_key" | "type" => true,
        "membership" | "origin" | "prev_state" => rules.keep_origin_membership_prev_state,
        _ => false,
    }
}

fn write_content(content: Value<'_>, kind: &str, rules: &RedactionRules, out: &mut String) {
    if kind == "m.room.create" && rules.keep_room_create_content {
        content.write(out);
        return;
    }
    let mut object = ObjectWriter::begin(out);
    for (name, value) in content.entries() {
        let name = name.as_ref();
        if kind == "m.room.member" && name == "third_party_invite" {
            write_third_party_invite(value, rules, &mut object);
        } else if keeps_of_content(kind, name, rules) {
            value.write(object.name(name));
        }
    }
    object.end();
}

fn keeps_of_content(kind: &str, name: &str, rules: &RedactionRules) -> bool {
    match (kind, name) {
        ("m.room.member", "membership")
        | ("m.room.create", "creator")
        | ("m.room.join_rules", "join_rule")
        | ("m.room.history_visibility", "history_visibility")
        | (
            "m.room.power_levels",
            "ban" | "events" | "events_default" | "kick" | "redact" | "state_default" | "users"
            | "users_default",
        ) => true,
        ("m.room.member", "join_authorised_via_users_server") => {
            rules.keep_room_member_join_authorised_via_users_server
        }
        ("m.room.join_rules", "allow") => rules.keep_room_join_rules_allow,
        ("m.room.power_levels", "invite") => rules.keep_room_power_levels_invite,
        ("m.room.redaction", "redacts") => rules.keep_room_redaction_redacts,
        _ => false,
    }
}

/// Of an invitation through an identity server, what that server signed stays.
fn write_third_party_invite(invite: Value<'_>, rules: &RedactionRules, content: &mut ObjectWriter<'_>) {
    if !rules.keep_room_member_third_party_invite_signed {
        return;
    }
    let out = content.name("third_party_invite");
    if !invite.is_object() {
        invite.write(out);
        return;
    }
    let mut object = ObjectWriter::begin(out);
    if let Some(signed) = invite.get("signed") {
        signed.write(object.name("signed"));
    }
    object.end();
}
