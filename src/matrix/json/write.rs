//! Writing: names in order, no space, the shortest escapes.

use std::collections::BTreeMap;

use super::read::{is_special, unescaped};
use super::{Kind, Value};

/// What is still to be written.
enum Rest {
    /// A value.
    Value(u32),
    /// The items of an array from here to there.
    Items(u32, u32),
    /// The names of an object from here to there, as indices into `names`.
    Entries(u32, u32),
}

impl Value<'_> {
    /// Writes it canonically.
    pub fn write(self, out: &mut String) {
        let mut rest = vec![];
        self.begin(self.at, out, &mut rest);
        while let Some(next) = rest.pop() {
            match next {
                Rest::Value(at) => self.begin(at, out, &mut rest),
                Rest::Items(at, end) if at < end => {
                    if !out.ends_with('[') {
                        out.push(',');
                    }
                    rest.push(Rest::Items(self.json.node(at).next, end));
                    rest.push(Rest::Value(at));
                }
                Rest::Items(..) => out.push(']'),
                Rest::Entries(at, end) => match self.json.names(at, 1) {
                    [name] if at < end => {
                        if !out.ends_with('{') {
                            out.push(',');
                        }
                        self.begin(*name, out, &mut rest);
                        out.push(':');
                        rest.push(Rest::Entries(at + 1, end));
                        rest.push(Rest::Value(name + 1));
                    }
                    _ => out.push('}'),
                },
            }
        }
    }

    /// It, written canonically.
    pub fn canonical(self) -> String {
        let mut out = String::with_capacity(self.raw().len());
        self.write(&mut out);
        out
    }

    /// Writes a value that holds no others; of others, the first byte.
    fn begin(self, at: u32, out: &mut String, rest: &mut Vec<Rest>) {
        let node = self.json.node(at);
        match node.kind {
            Kind::Word | Kind::Integer => out.push_str(self.json.slice(node)),
            Kind::Plain | Kind::Escaped { shortest: true } => {
                out.push('"');
                out.push_str(self.json.slice(node));
                out.push('"');
            }
            Kind::Escaped { shortest: false } => write_text(&unescaped(self.json.slice(node)), out),
            Kind::Array => {
                out.push('[');
                rest.push(Rest::Items(at + 1, node.next));
            }
            Kind::Object { names, count } => {
                out.push('{');
                rest.push(Rest::Entries(names, names + count));
            }
        }
    }
}

/// Writes an object whose entries are given in canonical order.
#[derive(Debug)]
pub struct ObjectWriter<'o> {
    out: &'o mut String,
    is_first: bool,
}

impl<'o> ObjectWriter<'o> {
    /// Begins one.
    pub fn begin(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, is_first: true }
    }

    /// Writes a name, and gives the place for its value.
    pub fn name(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
        write_text(name, self.out);
        self.out.push(':');
        self.out
    }

    /// Ends it.
    pub fn end(self) {
        self.out.push('}');
    }
}

/// Writes a text as a string.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            Some(c) => {
                let digit = |four: u32| char::from_digit((u32::from(c) >> four) & 0xf, 16).unwrap_or('0');
                out.extend(['\\', 'u', '0', '0', digit(4), digit(0)]);
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes an object canonically with some entries replaced, added or left out: each under its name with the
/// canonical text of its value, or nothing. Of no object, what is added is all.
pub fn write_edited(object: Option<Value<'_>>, edits: &BTreeMap<&str, Option<String>>, out: &mut String) {
    let mut edits = edits.iter().peekable();
    let mut entries = object.into_iter().flat_map(Value::entries).peekable();
    let mut writer = ObjectWriter::begin(out);
    loop {
        match (entries.peek(), edits.peek()) {
            (Some((name, value)), edit) if edit.is_none_or(|(edited, _)| name.as_ref() < **edited) => {
                value.write(writer.name(name));
                entries.next();
            }
            (entry, Some((name, text))) => {
                let is_replaced = entry.is_some_and(|(it, _)| it.as_ref() == **name);
                if let Some(text) = text {
                    writer.name(name).push_str(text);
                }
                edits.next();
                if is_replaced {
                    entries.next();
                }
            }
            (_, None) => break,
        }
    }
    writer.end();
}
