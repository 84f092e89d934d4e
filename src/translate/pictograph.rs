//! Finds emoji and emoticons in Rocket.Chat's text: a name, a colour or an address may begin right behind one.
//!
//! Rules `EmoticonPattern` and `UnicodeEmoji` of the grammar of `@rocket.chat/message-parser`.

/// The emoticons; none stands before a longer one that it begins.
const EMOTICONS: &[&str] = &[
    "<3", "</3", ":D", ":-D", "=D", ">:)", ">;)", ">:-)", ">=)", "':)", "':-)", "'=)", "':D", "':-D", "'=D",
    ":')", ":'-)", "O:-)", "0:-3", "0:3", "0:-)", "0:)", "0;^)", "O:)", "O;-)", "O=)", "0;-)", "O:-3", "O:3",
    ":)", ":-)", "=]", "=)", ":]", ";)", ";-)", "*-)", "*)", ";-]", ";]", ";D", ";^)", ":*", ":-*", "=*",
    ":^*", ":P", ":-P", "=P", ":-\u{de}", ":\u{de}", ":-b", ":b", ">:P", "X-P", "B-)", "B)", "8)", "8-)",
    "B-D", "8-D", ">:[", ":-(", ":(", ":-[", ":[", "=(", ">:\\", ":-/", ":-.", ":/", ":\\", "=/", "=\\",
    ":L", "=L", ">.<", ":'(", ";(", ";-(", ">:(", ">:-(", ":@", ":$", "=$", "D:", "':(", "':-(", "'=(",
    ":-X", ":X", ":-#", ":#", "=X", "=#", "-__-", "-___-", ":-O", ":O", ">:O", "#)", "%-)", "%)", "X)",
    "X-)", "(y)",
];

/// Those that are some only where nothing but emoji stands in a message.
const ALONE: &[&str] = &["-_-", "O_O", "#-)", "*\\0/*", "*\\O/*"];

/// The length of the emoticon that starts here, where one does.
pub(super) fn emoticon(text: &str) -> Option<usize> {
    // Most that is none is told by how it begins.
    text.starts_with(
        |char| matches!(char, '#'..='(' | '*' | '-' | '0' | '8' | ':'..='>' | 'B' | 'D' | 'O' | 'X'),
    )
    .then_some(())?;
    let second = text.as_bytes().get(1)?;
    (!second.is_ascii_alphanumeric() || b"3DPXLOby".contains(second)).then_some(())?;
    one_of(EMOTICONS, text)
}

/// The same in a message of nothing but emoji.
pub(super) fn emoticon_alone(text: &str) -> Option<usize> {
    emoticon(text).or_else(|| one_of(ALONE, text))
}

fn one_of(signs: &[&str], text: &str) -> Option<usize> {
    signs.iter().find(|sign| text.starts_with(**sign)).map(|sign| sign.len())
}

/// The length of the emoji that starts here, where one does: a picture with its colour or style, and what is joined to it
/// by a zero-width joiner; or a flag.
pub(super) fn emoji(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    let (_, first) = *chars.peek().filter(|(_, char)| !char.is_ascii())?;
    if is_letter(first) {
        let (at, second) = text.char_indices().nth(1).filter(|(_, char)| is_letter(*char))?;
        return Some(at + second.len_utf8());
    }
    let mut end = None;
    while let Some((at, char)) = chars.next() {
        let styled = chars.peek().is_some_and(|(_, char)| *char == '\u{FE0F}');
        if !(is_picture(char) || styled && is_sign(char)) {
            break;
        }
        end = Some(at + char.len_utf8());
        while let Some((at, char)) = chars.next_if(|(_, char)| is_style(*char)) {
            end = Some(at + char.len_utf8());
        }
        if chars.next_if(|(_, char)| *char == '\u{200D}').is_none() {
            break;
        }
    }
    end
}

/// A letter of which two are a flag.
fn is_letter(char: char) -> bool {
    matches!(char, '\u{1F1E6}'..='\u{1F1FF}')
}

fn is_style(char: char) -> bool {
    matches!(char, '\u{1F3FB}'..='\u{1F3FF}' | '\u{FE00}'..='\u{FE0F}')
}

fn is_picture(char: char) -> bool {
    matches!(char, '\u{2300}'..='\u{23FF}' | '\u{2600}'..='\u{27BF}' | '\u{1F300}'..='\u{1F64F}')
        || matches!(char, '\u{1F680}'..='\u{1F6FF}' | '\u{1F7E0}'..='\u{1F7F0}' | '\u{1F900}'..='\u{1FAFF}')
}

/// What is a picture only where it is styled as one.
fn is_sign(char: char) -> bool {
    matches!(char, '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{24C2}')
        || matches!(char, '\u{2194}'..='\u{21AA}' | '\u{25AA}'..='\u{25FE}' | '\u{2934}' | '\u{2935}')
        || matches!(char, '\u{2B05}'..='\u{2B55}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_emoticon_is_found_as_a_whole() {
        for sign in EMOTICONS {
            assert_eq!(emoticon(sign), Some(sign.len()), "{sign}");
        }
        for sign in ALONE {
            assert_eq!(emoticon_alone(sign), Some(sign.len()), "{sign}");
        }
    }

    #[test]
    fn an_emoji_is_found_with_all_that_is_joined_to_it() {
        for emoji_alone in ["😀", "👍🏽", "❤️", "🧑‍💻", "❤️‍🔥", "🏴‍☠️", "🤷🏽‍♂️", "🇩🇪", "™️", "🫠"]
        {
            assert_eq!(emoji(&format!("{emoji_alone}a")), Some(emoji_alone.len()), "{emoji_alone}");
        }
        for none in ["a", "™", "é", "\u{200D}", "🇩", ""] {
            assert_eq!(emoji(none), None, "{none}");
        }
    }
}
