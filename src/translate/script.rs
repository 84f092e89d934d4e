//! Raised and lowered characters, for places without such a style.
//!
//! Law: all of a text is raised or none of it, for half of it would say something else.
//! Unicode, block Superscripts and Subscripts.

const PLAIN: &str = "0123456789+-=()n";
const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ";
const LOWERED: &str = "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙ";

/// The text raised, or as it is.
pub(super) fn raised(text: &str) -> String {
    shifted(text, RAISED)
}

/// The text lowered, or as it is.
pub(super) fn lowered(text: &str) -> String {
    shifted(text, LOWERED)
}

fn shifted(text: &str, to: &str) -> String {
    let one = |char| PLAIN.chars().zip(to.chars()).find(|(plain, _)| *plain == char).map(|(_, other)| other);
    text.chars().map(one).collect::<Option<String>>().unwrap_or_else(|| text.to_owned())
}
