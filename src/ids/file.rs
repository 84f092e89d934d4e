//! Names, media types and sizes of files, as they may stand in a folder, a header and a line of text.

/// A file's name without folders, and without what turns or breaks a line, of 255 bytes at most; what it ends in stays.
pub fn file_name(name: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    let plain = plain.trim().trim_start_matches('.');
    let end = plain.rsplit_once('.').map(|(_, end)| end).filter(|it| (1..=16).contains(&it.len()));
    let Some(end) = end else { return cut(plain, LONGEST_NAME).to_owned() };
    let stem = plain.get(..plain.len() - end.len() - 1).unwrap_or_default();
    format!("{}.{end}", cut(stem, LONGEST_NAME - end.len() - 1))
}

/// A file's media type without parameters; that of any bytes where it is none.
pub fn media_type(told: &str) -> &str {
    let is_plain =
        |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c));
    let plain = told.split(';').next().unwrap_or_default().trim();
    let is_type = plain.split_once('/').is_some_and(|(kind, of)| is_plain(kind) && is_plain(of));
    if is_type { plain } else { "application/octet-stream" }
}

/// A number of bytes as people read it, in the units that both sides count files in.
pub fn size(bytes: i64) -> String {
    const KB: i64 = 1024;
    const MB: i64 = 1024 * KB;
    const GB: i64 = 1024 * MB;
    let tenths = |of: i64| format!("{}.{}", bytes / of, bytes % of * 10 / of);
    match bytes {
        ..KB => format!("{bytes} bytes"),
        KB..MB => format!("{} KB", bytes / KB),
        MB..GB => format!("{} MB", tenths(MB)),
        _ => format!("{} GB", tenths(GB)),
    }
}

/// So many bytes may a file's name have.
const LONGEST_NAME: usize = 255;

fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths_and_turn_nothing() {
        for (name, expected) in [
            ("cat.png", "cat.png"),
            ("../../etc/passwd", "passwd"),
            (r"C:\evil\x.exe", "x.exe"),
            ("a\u{202e}gnp.exe\r\n", "agnp.exe"),
            (" ..hidden", "hidden"),
            ("/", ""),
            ("Übersicht (1).tar.gz", "Übersicht (1).tar.gz"),
        ] {
            assert_eq!(file_name(name), expected);
        }
    }

    #[test]
    fn media_types_break_no_header() {
        for (told, expected) in [
            ("image/png", "image/png"),
            (" image/svg+xml ; charset=utf-8", "image/svg+xml"),
            ("text/html\r\nX-Evil: 1", "application/octet-stream"),
            ("a/b/c", "application/octet-stream"),
            ("/", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(media_type(told), expected);
        }
    }

    #[test]
    fn long_names_keep_what_they_end_in() {
        let long = file_name(&format!("{}.png", "ü".repeat(300)));
        assert!(
            long.len() <= LONGEST_NAME && long.len() > LONGEST_NAME - 3 && long.ends_with("ü.png"),
            "{long}"
        );
        let long = file_name(&"x".repeat(300));
        assert_eq!(long.len(), LONGEST_NAME);
        let long = file_name(&format!("a.{}", "x".repeat(300)));
        assert_eq!(long.len(), LONGEST_NAME);
    }
}
