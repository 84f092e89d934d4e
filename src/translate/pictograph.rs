//! Finds emoji and emoticons in Rocket.Chat's text: a name, a colour or an address may begin right behind one.
//!
//! Rules `EmoticonPattern` and `UnicodeEmoji` of the grammar of `@rocket.chat/message-parser`.

/// All emoticons; where one is the beginning of another, the longer one first.
const EMOTICONS: &[&str] = &[
    "<3", "</3", ":D", ":-D", "=D", ">:)", ">;)", ">:-)", ">=)", "':)", "':-)", "'=)", "':D", "':-D", "'=D",
    ":')", ":'-)", "O:-)", "0:-3", "0:3", "0:-)", "0:)", "0;^)", "O:)", "O;-)", "O=)", "0;-)", "O:-3", "O:3",
    ":)", ":-)", "=]", "=)", ":]", ";)", ";-)", "*-)", "*)", ";-]", ";]", ";D", ";^)", ":*", ":-*", "=*",
    ":^*", ":P", ":-P", "=P", ":-\u{de}", ":\u{de}", ":-b", ":b", ">:P", "X-P", "B-)", "B)", "8)", "8-)",
    "B-D", "8-D", ">:[", ":-(", ":(", ":-[", ":[", "=(", ">:\\", ">:/", ":-/", ":-.", ":/", ":\\", "=/",
    "=\\", ":L", "=L", ">.<", ":'(", ":'-(", ";(", ";-(", ">:(", ">:-(", ":@", ":$", "=$", "D:", "':(",
    "':-(", "'=(", ":-X", ":X", ":-#", ":#", "=X", "=#", "-_-", "-__-", "-___-", ":-O", ":O", "O_O", ">:O",
    "#-)", "#)", "%-)", "%)", "X)", "X-)", "(y)", "*\\0/*", "\\0/", "*\\O/*", "\\O/",
];

/// The length of the emoticon that starts here, where one does.
pub(super) fn emoticon(text: &str) -> Option<usize> {
    text.starts_with(|char: char| "<:=>'O0;*XB8D-#%(\\".contains(char)).then_some(())?;
    EMOTICONS.iter().find(|sign| text.starts_with(**sign)).map(|sign| sign.len())
}

/// The length of the emoji that starts here, where one does.
pub(super) fn emoji(text: &str) -> Option<usize> {
    let first = text.chars().next().filter(|char| !char.is_ascii())?;
    let behind = |length: usize| text.get(length..).and_then(|rest| rest.chars().next());
    let length = first.len_utf8();
    let styled = |length: usize| match behind(length) {
        Some(sign @ '\u{FE00}'..='\u{FE0F}') => length + sign.len_utf8(),
        _ => length,
    };
    match first {
        '\u{1F600}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6FA}' => Some(length),
        '\u{2300}'..='\u{23FF}' | '\u{2600}'..='\u{27BF}' => Some(styled(length)),
        '\u{1F900}'..='\u{1F9FF}' => Some(length + text.get(length..).and_then(joined).unwrap_or(0)),
        '\u{1F100}'..='\u{1F1FF}' => {
            let second = behind(length).filter(|char| matches!(char, '\u{1F100}'..='\u{1F1FF}'))?;
            Some(length + second.len_utf8())
        }
        _ => joined(text),
    }
}

/// Pictures with their colours, joined to one.
fn joined(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    let mut end = None;
    while let Some((at, char)) = chars.next_if(|(_, char)| matches!(char, '\u{1F300}'..='\u{1F5FF}')) {
        end = Some(at + char.len_utf8());
        while let Some((at, char)) =
            chars.next_if(|(_, char)| matches!(char, '\u{1F3FB}'..='\u{1F3FF}' | '\u{FE00}'..='\u{FE0F}'))
        {
            end = Some(at + char.len_utf8());
        }
        if chars.next_if(|(_, char)| *char == '\u{200D}').is_none() {
            break;
        }
    }
    end
}
