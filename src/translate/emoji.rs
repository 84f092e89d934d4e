//! Emoji by their short codes.
//!
//! Law: a code that is not in the table stays the text it was, `:code:`.
//! `emoji.txt` holds `code emoji` lines in byte order: the short names of `JoyPixels`' emoji-toolkit 10 (MIT), which is
//! what Rocket.Chat uses, without those for skin tones, which are put together here.

const TABLE: &str = include_str!("emoji.txt");

/// The emoji of a short code, or the code between colons.
pub(super) fn shown(code: &str) -> String {
    unicode(code).unwrap_or_else(|| format!(":{code}:"))
}

/// The emoji of a short code.
pub(super) fn unicode(code: &str) -> Option<String> {
    if let Some(found) = look_up(code) {
        return Some(found.to_owned());
    }
    let (base, tone) = code.rsplit_once("_tone")?;
    let modifier = match tone {
        "1" => '\u{1F3FB}',
        "2" => '\u{1F3FC}',
        "3" => '\u{1F3FD}',
        "4" => '\u{1F3FE}',
        "5" => '\u{1F3FF}',
        _ => return None,
    };
    // The modifier follows the first sign, in place of its presentation selector.
    let base = look_up(base)?;
    let mut signs = base.chars();
    let mut toned = String::from(signs.next()?);
    toned.push(modifier);
    toned.push_str(signs.as_str().trim_start_matches('\u{FE0F}'));
    Some(toned)
}

/// The short code of an emoji, whether it comes with its presentation selector or without, and in any one skin tone.
/// Of several the one that Rocket.Chat offers.
pub(super) fn code(emoji: &str) -> Option<String> {
    let mut tone = String::new();
    let mut bare = String::new();
    for char in emoji.chars() {
        match u32::from(char).checked_sub(0x1F3FB) {
            Some(step @ 0..5) => tone = format!("_tone{}", step.saturating_add(1)),
            Some(_) | None if char == '\u{FE0F}' => {}
            Some(_) | None => bare.push(char),
        }
    }
    let is_it = |it: &str| it.chars().filter(|char| *char != '\u{FE0F}').eq(bare.chars());
    let codes = TABLE.lines().filter_map(|line| line.split_once(' ')).filter(|(_, it)| is_it(it));
    let rank = |code: &&str| {
        let is_offered = OFFERED.contains(code) || code.starts_with("flag_");
        (!is_offered, !code.starts_with(|it: char| it.is_ascii_lowercase()), code.len())
    };
    let code = codes.map(|(code, _)| code).min_by_key(rank)?;
    Some(format!("{code}{tone}"))
}

/// Codes that Rocket.Chat offers although there is a shorter one.
const OFFERED: [&str; 4] = ["thumbsup", "thumbsdown", "poop", "person_shrugging"];

fn look_up(code: &str) -> Option<&'static str> {
    let mut rest = TABLE;
    while !rest.is_empty() {
        // The line around the middle; line ends are ASCII, so every cut is between characters.
        let middle = rest.len() / 2;
        let start =
            rest.as_bytes().get(..middle)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (before, from) = rest.split_at_checked(start)?;
        let (line, after) = from.split_once('\n')?;
        let (name, emoji) = line.split_once(' ')?;
        match name.cmp(code) {
            std::cmp::Ordering::Equal => return Some(emoji),
            std::cmp::Ordering::Less => rest = after,
            std::cmp::Ordering::Greater => rest = before,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        for line in TABLE.lines() {
            let (name, emoji) = line.split_once(' ').unwrap();
            assert_eq!(look_up(name), Some(emoji), "{name}");
        }
        assert_eq!(look_up("party_parrot"), None);
        assert_eq!(look_up(""), None);
        assert_eq!(shown("thumbsup_tone3"), "👍🏽");
        assert_eq!(shown("party_parrot"), ":party_parrot:");
    }
}
