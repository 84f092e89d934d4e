//! Bounds HTML before it is parsed: how deep its elements nest and how many there are.
//!
//! Law: text is never taken away, only tags; what comes out costs the tree builder of html5ever linear time (its
//! adoption agency and its scope checks walk the open elements) and cannot nest deeply enough to exhaust a stack.
//! The specification asks for at most 100 levels:
//! <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>

/// Levels of elements that are kept.
const MAX_DEPTH: usize = 48;
/// Levels of formatting elements that are kept: each is copied into every paragraph it is left open over.
const MAX_FORMATTING: usize = 12;
/// Elements that are kept.
const MAX_TAGS: usize = 4000;

/// The same HTML with tags beyond the bounds left out, comments too.
pub(super) fn bounded(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut depth = Depth::default();
    let mut rest = html;
    while let Some((text, from)) = rest.split_once('<') {
        out.push_str(text);
        if let Some(comment) = from.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if from.starts_with(['!', '?']) {
            rest = from.split_once('>').map_or("", |(_, after)| after);
            continue;
        }
        let (closing, name_from) = from.strip_prefix('/').map_or((false, from), |name| (true, name));
        if !name_from.starts_with(|char: char| char.is_ascii_alphabetic()) {
            out.push_str("&lt;");
            rest = from;
            continue;
        }
        let (tag, after) = from.split_at(tag_end(from));
        let end = name_from.find(|char: char| char.is_whitespace() || matches!(char, '/' | '>'));
        let name = name_from.get(..end.unwrap_or(name_from.len())).unwrap_or_default();
        // No name that matters is written otherwise; the odd one costs a copy.
        let admits = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            depth.admits(&name.to_ascii_lowercase(), closing)
        } else {
            depth.admits(name, closing)
        };
        if admits {
            out.push('<');
            out.push_str(tag);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where a tag ends, its `>` included; quotes count only as an attribute's value.
fn tag_end(from: &str) -> usize {
    let mut quote = None;
    let mut after_equals = false;
    for (at, byte) in from.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            _ => {}
        }
        after_equals = byte == b'=' || (after_equals && byte.is_ascii_whitespace());
    }
    from.len()
}

#[derive(Default)]
struct Depth {
    all: usize,
    formatting: usize,
    tags: usize,
}

impl Depth {
    fn admits(&mut self, name: &str, closing: bool) -> bool {
        if matches!(name, "br" | "hr" | "img" | "wbr" | "input" | "meta" | "link") {
            self.tags += 1;
            return self.tags <= MAX_TAGS && !closing;
        }
        // These end by themselves where the next begins, so that they need not be closed.
        if matches!(name, "p" | "li" | "td" | "th" | "tr" | "dd" | "dt" | "thead" | "tbody" | "tfoot") {
            self.tags += 1;
            return self.tags <= MAX_TAGS * 2;
        }
        let formatting = matches!(
            name,
            "a" | "b"
                | "big"
                | "code"
                | "em"
                | "font"
                | "i"
                | "nobr"
                | "s"
                | "small"
                | "strike"
                | "strong"
                | "tt"
                | "u"
        );
        let (count, limit) =
            if formatting { (&mut self.formatting, MAX_FORMATTING) } else { (&mut self.all, MAX_DEPTH) };
        if closing {
            let kept = *count <= limit;
            *count = count.saturating_sub(1);
            return kept;
        }
        *count += 1;
        self.tags += 1;
        *count <= limit && self.tags <= MAX_TAGS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_tags_go() {
        assert_eq!(bounded("a<b>c</b><!-- x -->d"), "a<b>c</b>d");
        assert_eq!(bounded("1 < 2 <3 >"), "1 &lt; 2 &lt;3 >");
        assert_eq!(bounded("<a title=\"x>y\">z</a>"), "<a title=\"x>y\">z</a>");
        assert_eq!(bounded("<"), "&lt;");
        assert_eq!(bounded("a<b"), "a<b");
        let deep = format!("{}x{}", "<div>".repeat(10_000), "</div>".repeat(10_000));
        assert_eq!(bounded(&deep), format!("{}x{}", "<div>".repeat(MAX_DEPTH), "</div>".repeat(MAX_DEPTH)));
        assert_eq!(bounded(&"<p>x".repeat(20)), "<p>x".repeat(20));
    }
}
