//! The transaction ids that things go out under: derived from what is sent.

use super::digest;

/// The transaction id of a local message. Unique across the whole appservice, because a homeserver compares it
/// across all our users.
pub fn transaction(message: &str) -> String {
    format!("rc-{message}")
}

/// The transaction id of one of the files of a local message; the first is 0.
pub fn file_transaction(message: &str, part: usize) -> String {
    format!("rc-{message}-file-{part}")
}

/// The transaction id of one of the events of something that takes several; the first is 0.
pub fn part_transaction(whole: &str, part: usize) -> String {
    if part == 0 { whole.to_owned() } else { format!("{whole}-part-{part}") }
}

/// The transaction id of an edit that was made at a time, in milliseconds.
pub fn edit_transaction(message: &str, at: i64) -> String {
    format!("rc-{message}-edit-{at}")
}

/// The transaction id of a deletion.
pub fn redaction_transaction(message: &str) -> String {
    format!("rc-{message}-redact")
}

/// The transaction id of a reaction, or of taking it back, that was noticed at a time, in milliseconds.
pub fn reaction_transaction(message: &str, emoji: &str, by: &str, at: i64) -> String {
    format!("rc-{message}-react-{}-{at}", digest(&[emoji, by]))
}
