//! Reading: one pass over the bytes, with the open arrays and objects on a stack of its own.

use super::{Json, Kind, MAX_INTEGER, MAX_NODES, Malformed, Node};

/// Reads a whole text.
pub(super) fn read(bytes: &[u8]) -> Result<Json<'_>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|why| Malformed::Unicode(why.valid_up_to()))?;
    if u32::try_from(text.len()).is_err() {
        return Err(Malformed::Large);
    }
    let nodes = Vec::with_capacity((text.len() / 12).min(MAX_NODES));
    let json = Json { text, nodes, names: Vec::with_capacity((text.len() / 24).min(MAX_NODES)) };
    Reader { json, bytes, at: 0, open: vec![], names: vec![] }.whole()
}

struct Reader<'a> {
    json: Json<'a>,
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
    /// The names of all open objects, innermost last.
    names: Vec<u32>,
}

/// An array or object whose end was not seen yet.
struct Open {
    node: usize,
    /// Where its names begin; absent for an array.
    names: Option<usize>,
}

impl<'a> Reader<'a> {
    fn whole(mut self) -> Result<Json<'a>, Malformed> {
        self.value()?;
        while let Some(open) = self.open.last() {
            let (is_object, node) = (open.names.is_some(), open.node);
            let is_first = node + 1 == self.json.nodes.len();
            match (self.next_token(), is_object) {
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    self.close()?;
                    continue;
                }
                (Some(b','), _) if !is_first => self.at += 1,
                (Some(_), _) if is_first => {}
                _ => return Err(self.syntax()),
            }
            if is_object {
                self.name()?;
            }
            self.value()?;
        }
        if self.next_token().is_some() {
            return Err(self.syntax());
        }
        Ok(self.json)
    }

    fn value(&mut self) -> Result<(), Malformed> {
        match self.next_token() {
            Some(b'"') => self.string(),
            Some(b'{') => self.begin(Some(self.names.len())),
            Some(b'[') => self.begin(None),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word(b"null"),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            _ => Err(self.syntax()),
        }
    }

    fn name(&mut self) -> Result<(), Malformed> {
        if self.next_token() != Some(b'"') {
            return Err(self.syntax());
        }
        self.names.push(index(self.json.nodes.len()));
        self.string()?;
        if self.next_token() != Some(b':') {
            return Err(self.syntax());
        }
        self.at += 1;
        Ok(())
    }

    fn begin(&mut self, names: Option<usize>) -> Result<(), Malformed> {
        self.open.push(Open { node: self.json.nodes.len(), names });
        let start = self.at;
        self.at += 1;
        self.push(Kind::Array, start, start)
    }

    fn close(&mut self) -> Result<(), Malformed> {
        let Some(open) = self.open.pop() else { return Err(self.syntax()) };
        let kind = match open.names {
            Some(first) => self.sorted(first)?,
            None => Kind::Array,
        };
        let next = index(self.json.nodes.len());
        if let Some(node) = self.json.nodes.get_mut(open.node) {
            *node = Node { kind, end: index(self.at), next, ..*node };
        }
        Ok(())
    }

    /// Puts the names of the object that ends here into their order.
    fn sorted(&mut self, first: usize) -> Result<Kind, Malformed> {
        let json = &mut self.json;
        let start = json.names.len();
        let mut names = std::mem::take(&mut json.names);
        names.extend_from_slice(self.names.get(first..).unwrap_or_default());
        self.names.truncate(first);
        let own = names.get_mut(start..).unwrap_or_default();
        if !own.is_sorted_by(|a, b| json.compare(*a, *b).is_lt()) {
            own.sort_unstable_by(|a, b| json.compare(*a, *b));
            if own.windows(2).any(|pair| matches!(pair, [a, b] if json.compare(*a, *b).is_eq())) {
                return Err(Malformed::Twice(self.at));
            }
        }
        let count = index(own.len());
        json.names = names;
        Ok(Kind::Object { names: index(start), count })
    }

    fn string(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        let start = self.at;
        let mut kind = Kind::Plain;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            self.at += rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    let shortest = self.escape()? && kind != Kind::Escaped { shortest: false };
                    kind = Kind::Escaped { shortest };
                }
                _ => return Err(self.syntax()),
            }
        }
        self.push(kind, start, self.at)?;
        self.at += 1;
        Ok(())
    }

    /// Passes over an escape; whether it is known to be the shortest for what it stands for.
    fn escape(&mut self) -> Result<bool, Malformed> {
        let letter = self.bytes.get(self.at + 1);
        match letter {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let first = self.unit()?;
                self.at += 6;
                match first {
                    0xD800..0xDC00 => {
                        let pair = self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
                            && (0xDC00..0xE000).contains(&self.unit()?);
                        if !pair {
                            return Err(Malformed::Unicode(self.at));
                        }
                        self.at += 6;
                    }
                    0xDC00..0xE000 => return Err(Malformed::Unicode(self.at)),
                    _ => {}
                }
            }
            _ => return Err(self.syntax()),
        }
        Ok(!matches!(letter, Some(b'/' | b'u')))
    }

    /// The four digits of the escape that stands here.
    fn unit(&self) -> Result<u16, Malformed> {
        let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or_else(|| self.syntax())?;
        let digits = digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | hex(*digit)?));
        digits.ok_or_else(|| self.syntax())
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        let negative = self.bytes.get(self.at) == Some(&b'-');
        self.at += usize::from(negative);
        let first = self.at;
        let mut value: i64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            self.at += 1;
        }
        let leading_zero = self.bytes.get(first) == Some(&b'0') && self.at > first + 1;
        if self.at == first || leading_zero {
            return Err(self.syntax());
        }
        if matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E')) || (negative && value == 0) {
            return Err(Malformed::Fraction(start));
        }
        if value > MAX_INTEGER {
            return Err(Malformed::Range(start));
        }
        self.push(Kind::Integer, start, self.at)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Malformed> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word) {
            return Err(self.syntax());
        }
        let start = std::mem::replace(&mut self.at, end);
        self.push(Kind::Word, start, end)
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> Result<(), Malformed> {
        if self.json.nodes.len() >= MAX_NODES {
            return Err(Malformed::Large);
        }
        let next = index(self.json.nodes.len() + 1);
        self.json.nodes.push(Node { kind, start: index(start), end: index(end), next });
        Ok(())
    }

    fn next_token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn syntax(&self) -> Malformed {
        Malformed::Syntax(self.at)
    }
}

/// Whether a byte of a string is more than itself: its end, an escape, or none that may stand there.
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, ..0x20 | b'"' | b'\\')
}

/// The text that a string with escapes stands for. The escapes were checked when it was read.
pub(super) fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (c, after) = unescaped_one(escape);
        out.extend(c);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The same, one character after the other and no further than they are asked for.
pub(super) fn characters(raw: &str) -> impl Iterator<Item = char> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let (c, after) = if let Some(escape) = rest.strip_prefix('\\') {
            unescaped_one(escape)
        } else {
            let mut chars = rest.chars();
            (chars.next(), chars.as_str())
        };
        rest = after;
        c
    })
}

/// What stands behind a backslash stands for, and the rest.
fn unescaped_one(escape: &str) -> (Option<char>, &str) {
    let mut chars = escape.chars();
    let letter = chars.next();
    let rest = chars.as_str();
    let c = match letter {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => {
            let unit = |at: usize| rest.get(at..at + 4).and_then(|it| u16::from_str_radix(it, 16).ok());
            let second = if rest.get(4..6) == Some("\\u") { unit(6) } else { None };
            let units = [unit(0).unwrap_or(0xFFFD), second.unwrap_or(0)];
            let c = char::decode_utf16(units).next().and_then(Result::ok);
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            return (Some(c), rest.get(if c > '\u{FFFF}' { 10 } else { 4 }..).unwrap_or_default());
        }
        Some(itself) => itself,
        None => return (None, rest),
    };
    (Some(c), rest)
}

fn hex(digit: u8) -> Option<u16> {
    char::from(digit).to_digit(16).and_then(|it| u16::try_from(it).ok())
}

/// Texts are shorter than 4 GiB.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
