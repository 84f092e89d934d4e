//! JSON as Matrix signs it: read strictly from bytes, written canonically.
//!
//! A text is either canonical JSON's data model or refused: no fractions, no integers beyond ±(2^53-1), no `-0`, no
//! name twice in an object, no half surrogate pair. Reading and writing take no recursion, so that depth costs
//! nothing, and at most a fixed number of values, so that memory is bounded.
//!
//! Spec: <https://spec.matrix.org/v1.18/appendices/#canonical-json>

mod read;
mod write;

pub use write::{ObjectWriter, write_edited, write_text};

use std::borrow::Cow;
use std::cmp::Ordering;

use thiserror::Error;

/// Why a text is not canonical JSON's data model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Not JSON.
    #[error("it is not JSON (at byte {0})")]
    Syntax(usize),
    /// Not UTF-8, or half of a surrogate pair.
    #[error("it holds text that is not Unicode (at byte {0})")]
    Unicode(usize),
    /// A fraction, an exponent, or `-0`.
    #[error("it holds a number that is not an integer (at byte {0})")]
    Fraction(usize),
    /// Beyond ±(2^53-1).
    #[error("it holds an integer beyond 2^53-1 (at byte {0})")]
    Range(usize),
    /// The same name twice in one object.
    #[error("an object names something twice (before byte {0})")]
    Twice(usize),
    /// More values than are read.
    #[error("it holds too many values")]
    Large,
}

/// The largest integer.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// More values than this are not read: 24 bytes each.
const MAX_NODES: usize = 1 << 21;

/// A text that was read: its values in the order of the text, each before what it holds.
#[derive(Debug)]
pub struct Json<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    /// The names of each object in canonical order, as indices of their nodes.
    names: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Where it stands in the text; of a string, without its quotes.
    start: u32,
    end: u32,
    /// The node after it and all it holds.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `null`, `true`, `false`.
    Word,
    Integer,
    /// A string that is written as it is read.
    Plain,
    /// A string with escapes; whether they are the shortest, so that it is written as it is read.
    Escaped {
        shortest: bool,
    },
    Array,
    /// Where its names stand in `names`, and how many they are.
    Object {
        names: u32,
        count: u32,
    },
}

/// A value of a text.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    json: &'a Json<'a>,
    at: u32,
}

impl<'a> Json<'a> {
    /// Reads a text.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        read::read(bytes)
    }

    /// The whole.
    pub fn root(&'a self) -> Value<'a> {
        Value { json: self, at: 0 }
    }

    fn node(&self, at: u32) -> Node {
        const NOTHING: Node = Node { kind: Kind::Word, start: 0, end: 0, next: 0 };
        usize::try_from(at).ok().and_then(|at| self.nodes.get(at)).copied().unwrap_or(NOTHING)
    }

    fn slice(&self, node: Node) -> &'a str {
        slice(self.text, node.start, node.end)
    }

    fn names(&self, first: u32, count: u32) -> &[u32] {
        let range = usize::try_from(first).unwrap_or(0)..usize::try_from(first + count).unwrap_or(0);
        self.names.get(range).unwrap_or_default()
    }
}

impl<'a> Value<'a> {
    /// What an object holds under a name.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let Kind::Object { names, count } = self.node().kind else { return None };
        let names = self.json.names(names, count);
        let found = names.binary_search_by(|at| self.json.compare_to(*at, name)).ok()?;
        names.get(found).map(|at| Value { json: self.json, at: at + 1 })
    }

    /// A string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let node = self.node();
        match node.kind {
            Kind::Plain => Some(Cow::Borrowed(self.json.slice(node))),
            Kind::Escaped { .. } => Some(Cow::Owned(read::unescaped(self.json.slice(node)))),
            Kind::Word | Kind::Integer | Kind::Array | Kind::Object { .. } => None,
        }
    }

    /// An integer.
    pub fn as_integer(self) -> Option<i64> {
        let node = self.node();
        (node.kind == Kind::Integer).then(|| self.json.slice(node).parse().ok()).flatten()
    }

    /// The names and values of an object, in canonical order; none of anything else.
    pub fn entries(self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> {
        let (names, count) =
            if let Kind::Object { names, count } = self.node().kind { (names, count) } else { (0, 0) };
        self.json.names(names, count).iter().filter_map(move |at| {
            let name = Value { json: self.json, at: *at }.as_str()?;
            Some((name, Value { json: self.json, at: at + 1 }))
        })
    }

    /// What an array holds; none of anything else.
    pub fn items(self) -> impl Iterator<Item = Value<'a>> {
        let node = self.node();
        let end = if node.kind == Kind::Array { node.next } else { 0 };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let item = Value { json: self.json, at };
                at = item.node().next;
                item
            })
        })
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        matches!(self.node().kind, Kind::Object { .. })
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.node().kind == Kind::Array
    }

    /// The text it was read from.
    pub fn raw(self) -> &'a str {
        let node = self.node();
        let quote = u32::from(matches!(node.kind, Kind::Plain | Kind::Escaped { .. }));
        slice(self.json.text, node.start - quote, node.end + quote)
    }

    fn node(self) -> Node {
        self.json.node(self.at)
    }
}

impl Json<'_> {
    /// Canonical order is the order of code points, which is that of UTF-8. No name is read further than it is alike: a
    /// long one is compared with very many others.
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (self.node(a), self.node(b));
        if a.kind == Kind::Plain && b.kind == Kind::Plain {
            self.slice(a).cmp(self.slice(b))
        } else {
            read::characters(self.slice(a)).cmp(read::characters(self.slice(b)))
        }
    }

    fn compare_to(&self, at: u32, name: &str) -> Ordering {
        let node = self.node(at);
        if node.kind == Kind::Plain {
            self.slice(node).cmp(name)
        } else {
            read::characters(self.slice(node)).cmp(name.chars())
        }
    }
}

fn slice(text: &str, start: u32, end: u32) -> &str {
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    text.get(range).unwrap_or_default()
}
