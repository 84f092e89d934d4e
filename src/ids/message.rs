//! The ids of the messages that the App brings into Rocket.Chat: derived from Matrix events, and read back from there.

use serde::Deserialize;

use super::{digest, escape, unescape};

const EVENT_PREFIX: &str = "mx-";

const NOTICE_PREFIX: &str = "mxnotice-";

/// The id of a message that the App's own user says about something.
pub fn notice_id(about: &[&str]) -> String {
    format!("{NOTICE_PREFIX}{}", digest(about))
}

/// Whether a message's id is one that the App derived: of an event, or of a notice.
pub fn is_derived_message(id: &str) -> bool {
    id.starts_with(EVENT_PREFIX) || id.starts_with(NOTICE_PREFIX)
}

/// The Rocket.Chat message id of a Matrix event: the event id, spelt so that it survives as an id and in a URL.
pub fn message_id(event: &str) -> String {
    let rest = event.strip_prefix('$').unwrap_or(event);
    format!("{EVENT_PREFIX}{}", escape(rest, '.', |c| c.is_ascii_alphanumeric() || c == '-' || c == '_'))
}

/// The id of an event, of its JSON text.
pub fn event_id(event: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Known {
        event_id: String,
    }
    serde_json::from_str::<Known>(event).ok().map(|it| it.event_id)
}

/// What stands between the event and the number of a part in the id of a message; no event is spelt with it.
const PART: char = '~';

/// The id of a further message of an event whose text is too long for one, the second being 1; of an edit's text, by the
/// event of the edit: the id of what was deleted may not be free again.
pub fn part_id(event: &str, part: usize, edit: Option<&str>) -> String {
    let id = format!("{}{PART}{part:03}", message_id(event));
    edit.map_or_else(|| id.clone(), |edit| format!("{id}{PART}{}", digest(&[edit])))
}

/// Whether a message is a further one of its event.
pub fn is_part(message: &str) -> bool {
    message.starts_with(EVENT_PREFIX) && message.contains(PART)
}

/// The Matrix event of a Rocket.Chat message that came from Matrix.
pub fn event_of(message: &str) -> Option<String> {
    let event = message.strip_prefix(EVENT_PREFIX)?.split(PART).next()?;
    Some(format!("${}", unescape(event, '.')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_come_back_from_message_ids() {
        for event in ["$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", "$143:localhost:8448", "$ü.b=c+/:x"] {
            let id = message_id(event);
            assert_eq!(event_of(&id).as_deref(), Some(event));
            for part in [part_id(event, 1, None), part_id(event, 12, Some("$edit"))] {
                assert_eq!((event_of(&part).as_deref(), is_part(&part)), (Some(event), true));
            }
            assert!(!is_part(&id));
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{id}");
        }
        assert_eq!(event_of("GENERALabcdefghij"), None);
        assert_eq!(event_of("mx-bad.zz"), None);
    }

    #[test]
    fn parts_stand_in_their_order_and_those_of_an_edit_are_others() {
        let ids = [1, 2, 10].map(|part| part_id("$e", part, None));
        assert!(ids.is_sorted() && ids.iter().all(|it| it.as_str() > message_id("$e").as_str()), "{ids:?}");
        assert_ne!(part_id("$e", 1, Some("$x")), part_id("$e", 1, Some("$y")));
    }
}
