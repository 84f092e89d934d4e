//! The document model: what a message says, apart from how either side writes it.
//!
//! Law: every reader yields it and every writer takes it, so the two sides never meet directly. A normal form
//! ([`normalise`]) makes two documents that read the same compare equal.
//! Tags of Matrix: <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>; nodes of Rocket.Chat:
//! `definitions.d.ts` of `@rocket.chat/message-parser`.

/// A run of blocks: one whole message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// The blocks, from the top down.
    pub(super) blocks: Vec<Block>,
}

/// A part of a message that stands on lines of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// Running text; its lines are parted by [`Inline::Break`].
    Paragraph(Vec<Inline>),
    /// A heading.
    Heading {
        /// 1 (largest) to 6.
        level: u8,
        /// What it says.
        text: Vec<Inline>,
    },
    /// Fenced code.
    Code {
        /// The language, where one was named.
        language: Option<String>,
        /// The code, lines parted by `\n`, without a final one.
        text: String,
    },
    /// Something quoted.
    Quote(Vec<Block>),
    /// A list.
    List(Vec<Item>),
    /// A formula on its own line, in TeX.
    Maths(String),
    /// A table: rows of cells, the first row its head.
    Table(Vec<Vec<Vec<Inline>>>),
    /// A horizontal rule.
    Rule,
    /// An empty line beyond the one that parts two blocks anyway.
    Blank,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// What stands before it.
    pub(super) marker: Marker,
    /// Its own text.
    pub(super) text: Vec<Inline>,
    /// What is nested below it.
    pub(super) below: Vec<Block>,
}

/// What stands before an entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// A bullet.
    Bullet,
    /// A number.
    Number(u64),
    /// A box, ticked or not.
    Task(bool),
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    /// Literal text.
    Text(String),
    /// The end of a line within a paragraph.
    Break,
    /// Text in a style.
    Styled(Mark, Vec<Inline>),
    /// Code within a line.
    Code(String),
    /// A formula within a line, in TeX.
    Maths(String),
    /// A link whose text is not its address (one whose text is, is plain text).
    Link {
        /// The address.
        href: String,
        /// The text shown.
        label: Vec<Inline>,
    },
    /// An image within a line.
    Image {
        /// Its address.
        src: String,
        /// The text that stands for it.
        alt: String,
    },
    /// A Rocket.Chat user, by username.
    User(String),
    /// Everyone in the room: `all`, or `here` for those online.
    Everyone(String),
    /// A Rocket.Chat room, by name.
    Channel(String),
    /// A Matrix user.
    MatrixUser {
        /// `@localpart:server`
        id: String,
        /// The text of the pill.
        label: String,
    },
    /// A Matrix room.
    MatrixRoom {
        /// `!id` or `#alias:server`
        id: String,
        /// The text of the pill.
        label: String,
    },
    /// An emoji by its short code, without colons.
    Emoji(String),
    /// A colour.
    Colour {
        /// Red, green, blue, opacity.
        rgba: [u8; 4],
    },
    /// A moment that each reader sees in a time zone of their own.
    Time {
        /// Seconds since 1970.
        unix: i64,
        /// One of `t T d D f F R`.
        format: char,
    },
}

/// A style of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// Hidden until asked for.
    Spoiler,
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// Struck through.
    Strike,
}

impl Mark {
    /// All of them, from the outermost in.
    pub(super) const ALL: [Self; 4] = [Self::Spoiler, Self::Bold, Self::Italic, Self::Strike];

    fn bit(self) -> u8 {
        match self {
            Self::Spoiler => 1,
            Self::Bold => 2,
            Self::Italic => 4,
            Self::Strike => 8,
        }
    }
}

/// A set of styles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    /// No style at all.
    pub(super) const NONE: Self = Self(0);

    /// This set and one more.
    #[must_use]
    pub(super) fn with(self, mark: Mark) -> Self {
        Self(self.0 | mark.bit())
    }

    /// This set less one.
    #[must_use]
    pub(super) fn without(self, mark: Mark) -> Self {
        Self(self.0 & !mark.bit())
    }

    /// Of this set, one style at most.
    #[must_use]
    pub(super) fn only(self, mark: Mark) -> Self {
        Self(self.0 & mark.bit())
    }

    /// Whether a style is in it.
    pub(super) fn has(self, mark: Mark) -> bool {
        self.0 & mark.bit() != 0
    }
}

/// A piece of a line with all its styles at once; never [`Inline::Styled`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// The styles.
    pub(super) marks: Marks,
    /// The piece.
    pub(super) atom: Inline,
}

/// A line as runs, tidied: texts joined, styles taken off the white space at their edges and off line breaks.
pub(super) fn runs(inlines: Vec<Inline>) -> Vec<Run> {
    let mut out = Vec::new();
    flatten(inlines, Marks::NONE, &mut out);
    tidy(out)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
fn flatten(inlines: Vec<Inline>, marks: Marks, out: &mut Vec<Run>) {
    for inline in inlines {
        match inline {
            Inline::Styled(mark, inner) => flatten(inner, marks.with(mark), out),
            Inline::Link { href, label } => {
                out.push(Run { marks, atom: Inline::Link { href, label: normalise(label) } });
            }
            Inline::Break => out.push(Run { marks: Marks::NONE, atom: Inline::Break }),
            atom => out.push(Run { marks, atom }),
        }
    }
}

/// See [`runs`].
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
pub(super) fn tidy(runs: Vec<Run>) -> Vec<Run> {
    let mut pieces = Vec::with_capacity(runs.len());
    for run in runs {
        match run.atom {
            Inline::Text(text) if run.marks != Marks::NONE => split_edges(run.marks, text, &mut pieces),
            Inline::Break => pieces.push(Run { marks: Marks::NONE, atom: Inline::Break }),
            atom => pieces.push(Run { marks: run.marks, atom }),
        }
    }
    let all = pieces.iter().fold(Marks::NONE, |all, piece| Marks(all.0 | piece.marks.0));
    for mark in Mark::ALL.into_iter().filter(|mark| all.has(*mark)) {
        strip_edges(&mut pieces, mark);
    }
    let mut out: Vec<Run> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (out.last_mut(), piece) {
            (_, Run { atom: Inline::Text(text), .. }) if text.is_empty() => {}
            (
                Some(Run { marks, atom: Inline::Text(before) }),
                Run { marks: after, atom: Inline::Text(text) },
            ) if *marks == after => {
                before.push_str(&text);
            }
            (_, piece) => out.push(piece),
        }
    }
    out
}

fn split_edges(marks: Marks, text: String, out: &mut Vec<Run>) {
    if !text.starts_with(char::is_whitespace) && !text.ends_with(char::is_whitespace) {
        out.push(Run { marks, atom: Inline::Text(text) });
        return;
    }
    let mut push = |text: &str| {
        if !text.is_empty() {
            out.push(Run { marks, atom: Inline::Text(text.to_owned()) });
        }
    };
    let core = text.trim_start();
    let (lead, _) = text.split_at(text.len() - core.len());
    push(lead);
    let trimmed = core.trim_end();
    push(trimmed);
    push(core.split_at(trimmed.len()).1);
}

fn strip_edges(pieces: &mut [Run], mark: Mark) {
    let blank = |run: &Run| matches!(&run.atom, Inline::Text(text) if text.trim().is_empty());
    // Forwards, white space loses the style unless something styled stands before it; then the same backwards.
    let mut inside = false;
    for run in pieces.iter_mut() {
        inside = run.marks.has(mark) && (inside || !blank(run));
        if !inside {
            run.marks = run.marks.without(mark);
        }
    }
    inside = false;
    for run in pieces.iter_mut().rev() {
        inside = run.marks.has(mark) && (inside || !blank(run));
        if !inside {
            run.marks = run.marks.without(mark);
        }
    }
}

/// The one tree for a line, whichever way its styles were nested and its texts were cut.
pub(super) fn normalise(inlines: Vec<Inline>) -> Vec<Inline> {
    if is_settled(&inlines) {
        debug_assert_eq!(tree(runs(inlines.clone())), inlines);
        return inlines;
    }
    tree(runs(inlines))
}

/// Whether a line plainly is in its normal form already, as most are: then it need not be made anew.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is stands as it is")]
fn is_settled(inlines: &[Inline]) -> bool {
    let mut before: Option<&Inline> = None;
    inlines.iter().all(|inline| {
        let before = before.replace(inline);
        match inline {
            Inline::Text(text) => !text.is_empty() && !matches!(before, Some(Inline::Text(_))),
            Inline::Styled(_, inner) => {
                let [Inline::Text(text)] = inner.as_slice() else { return false };
                let edges = [text.chars().next(), text.chars().next_back()];
                edges.iter().all(|edge| edge.is_some_and(|it| !it.is_whitespace()))
                    && !matches!(before, Some(Inline::Styled(..)))
            }
            Inline::Link { label, .. } => is_settled(label),
            _ => true,
        }
    })
}

/// The tree of tidied runs; of the styles that begin together the one that lasts longest is the outermost.
pub(super) fn tree(mut runs: Vec<Run>) -> Vec<Inline> {
    planted(&mut runs, Marks::NONE)
}

/// The same within styles that are open already.
fn planted(runs: &mut [Run], open: Marks) -> Vec<Inline> {
    let mut out = Vec::new();
    let mut rest = runs;
    while let Some(first) = rest.first_mut() {
        if first.marks == open {
            out.push(std::mem::replace(&mut first.atom, Inline::Break));
            rest = rest.get_mut(1..).unwrap_or_default();
            continue;
        }
        let mut longest: Option<(Mark, usize)> = None;
        for mark in Mark::ALL.into_iter().filter(|mark| !open.has(*mark)) {
            let length = rest.iter().take_while(|run| run.marks.has(mark)).count();
            if length > longest.map_or(0, |(_, length)| length) {
                longest = Some((mark, length));
            }
        }
        let Some((mark, length)) = longest else { break };
        let (group, behind) = rest.split_at_mut(length);
        out.push(Inline::Styled(mark, planted(group, open.with(mark))));
        rest = behind;
    }
    out
}

/// A block's lines of text, for places that hold lines only (quotes and list entries in Rocket.Chat).
pub(super) fn lines(blocks: Vec<Block>) -> Vec<Vec<Inline>> {
    let mut out = Vec::new();
    for block in blocks {
        match block {
            Block::Paragraph(text) => {
                if !out.is_empty() {
                    out.push(Vec::new());
                }
                out.extend(split_lines(text));
            }
            Block::Heading { text, .. } => {
                out.extend(split_lines(text).into_iter().map(|line| vec![Inline::Styled(Mark::Bold, line)]));
            }
            Block::Code { text, .. } => {
                out.extend(text.lines().map(|line| vec![Inline::Code(line.to_owned())]));
            }
            Block::Quote(inner) => out.extend(lines(inner).into_iter().map(|line| prefixed("> ", line))),
            Block::List(items) => out.extend(items.into_iter().flat_map(item_lines)),
            Block::Maths(tex) => out.push(vec![Inline::Maths(tex.replace('\n', " "))]),
            Block::Table(rows) => {
                out.extend(rows.into_iter().enumerate().map(|(at, cells)| row(cells, at == 0)));
            }
            Block::Rule => out.push(vec![Inline::Text("———".to_owned())]),
            Block::Blank => out.push(Vec::new()),
        }
    }
    out
}

/// A row of a table as a line, its cells parted by bars.
fn row(cells: Vec<Vec<Inline>>, is_head: bool) -> Vec<Inline> {
    let mut out = Vec::new();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(Inline::Text(" | ".to_owned()));
        }
        if is_head {
            out.push(Inline::Styled(Mark::Bold, cell));
        } else {
            out.extend(cell);
        }
    }
    out
}

/// An entry of a list as lines of text, its marker written out and what is below it moved in.
pub(super) fn item_lines(item: Item) -> Vec<Vec<Inline>> {
    let marker = match item.marker {
        Marker::Bullet => "• ".to_owned(),
        Marker::Number(number) => format!("{number}. "),
        Marker::Task(done) => format!("{} ", task_box(done)),
    };
    let mut text = split_lines(item.text).into_iter();
    let mut out = vec![prefixed(&marker, text.next().unwrap_or_default())];
    out.extend(text.chain(lines(item.below)).map(|line| prefixed("\u{2003}", line)));
    out
}

/// The sign that stands for a task's box.
pub(super) fn task_box(done: bool) -> &'static str {
    if done { "☑" } else { "☐" }
}

fn prefixed(prefix: &str, mut line: Vec<Inline>) -> Vec<Inline> {
    line.insert(0, Inline::Text(prefix.to_owned()));
    line
}

/// A paragraph cut at its line breaks.
pub(super) fn split_lines(text: Vec<Inline>) -> Vec<Vec<Inline>> {
    if !text.iter().any(breaks) {
        return vec![text];
    }
    let mut out = Vec::new();
    let mut line = Vec::new();
    for run in runs(text) {
        if run.atom == Inline::Break {
            out.push(tree(std::mem::take(&mut line)));
        } else {
            line.push(run);
        }
    }
    out.push(tree(line));
    out
}

fn breaks(inline: &Inline) -> bool {
    matches!(inline, Inline::Break) || matches!(inline, Inline::Styled(_, inner) if inner.iter().any(breaks))
}

/// What a line says, without any styles.
pub(super) fn plain(inlines: &[Inline]) -> String {
    let mut out = String::new();
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) | Inline::Maths(text) => out.push_str(text),
            Inline::Break => out.push('\n'),
            Inline::Styled(_, inner) => out.push_str(&plain(inner)),
            Inline::Link { label, .. } => out.push_str(&plain(label)),
            Inline::Image { alt, .. } => out.push_str(alt),
            Inline::User(name) | Inline::Everyone(name) => {
                out.push('@');
                out.push_str(name);
            }
            Inline::Channel(name) => {
                out.push('#');
                out.push_str(name);
            }
            Inline::MatrixUser { label, .. } | Inline::MatrixRoom { label, .. } => out.push_str(label),
            Inline::Emoji(code) => out.push_str(&super::emoji::shown(code)),
            Inline::Colour { rgba } => out.push_str(&super::moment::colour(*rgba)),
            Inline::Time { unix, format } => out.push_str(&super::moment::written(*unix, *format)),
        }
    }
    out
}
