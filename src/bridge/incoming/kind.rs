//! Which events of a room are shown here, by their kind.
//!
//! Whatever somebody says is shown. What says nothing to people, such as a step of a call or of a verification, is passed
//! over. Everything else is not known here, and named: nothing disappears unseen.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#instant-messaging>

use super::poll;

/// Kinds that say nothing to people, or say it by changing something else that is shown.
const SILENT: &[&str] = &[
    "m.reaction",
    "m.room.redaction",
    "m.room.message.feedback",
    "m.beacon",
    "org.matrix.msc3672.beacon",
    "com.beeper.message_send_status",
];

/// How kinds begin of which none says anything to people, except for the call itself.
const SILENT_FAMILIES: &[&str] = &[
    "m.call.",
    "org.matrix.call.",
    "org.matrix.msc3401.call.",
    "m.rtc.",
    "org.matrix.msc4075.",
    "org.matrix.msc4143.",
    "io.element.call.",
    "m.key.verification.",
    "fi.mau.dummy.",
    "chat.rocket.",
];

/// Whether events of a kind are shown as something that was said. Places have two names, calls more.
pub(super) fn is_said(kind: &str) -> bool {
    poll::is_start(kind)
        || matches!(
            kind,
            "m.room.message"
                | "m.room.encrypted"
                | "m.sticker"
                | "m.location"
                | "org.matrix.msc3488.location"
                | "m.call.invite"
                | "m.call.notify"
                | "m.rtc.notification"
                | "org.matrix.msc4075.call.notify"
                | "org.matrix.msc4075.rtc.notification"
        )
}

/// Whether events of a kind are not known here, and named for that.
pub(super) fn is_unknown(kind: &str) -> bool {
    let is_silent = poll::is_about_one(kind)
        || SILENT.contains(&kind)
        || SILENT_FAMILIES.iter().any(|family| kind.starts_with(family));
    !is_said(kind) && !is_silent
}
