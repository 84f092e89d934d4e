//! A message of Rocket.Chat on its way to Matrix: all that it shows, in one message or several.
//!
//! Law: nothing that is shown is left out, and where something must be, the message says so.

use super::document::{self, Block, Document, Inline, Mark};
use super::guard::joins_name;
use super::{
    CUT, Limit, LocalParts, LocalText, MatrixText, Mentions, Names, Parts, attachment, body, clean,
    html_write, markdown_read, md, split, uikit,
};

/// Translates the text of a message of Rocket.Chat.
///
/// What `/me` writes (a single line wholly in `_…_`) and a text that begins with `/me ` become emotes. `@all` and
/// `@here` become `@room`: Rocket.Chat has checked the permission, and whether the power level allows it is for the
/// caller, who may clear `mentions.room`.
pub fn to_matrix(local: &LocalText<'_>, names: &dyn Names) -> MatrixText {
    Said::read(local).written(names)
}

/// Translates all that a message of Rocket.Chat shows, files apart, in as many messages as it takes to keep each one's
/// content within the limit, in bytes of JSON; none if it shows nothing.
pub fn to_matrix_parts(parts: &LocalParts<'_>, names: &dyn Names, limit: Limit) -> Parts<MatrixText> {
    let said = Said::read_all(parts);
    if said.cut {
        return Parts::File;
    }
    if said.document.blocks.is_empty() {
        return Parts::Messages(vec![]);
    }
    let write = |document| Said { document, ..said }.written(names);
    let measure = |document: &Document| write(document.clone()).content().to_string().len();
    split::messages(&said.document, limit, &measure, write)
}

/// What a message says.
struct Said {
    document: Document,
    emote: bool,
    cut: bool,
}

impl Said {
    fn read(local: &LocalText<'_>) -> Self {
        let (text, cut) = clean::text(local.text);
        let (text, told) = match text.strip_prefix("/me ").or_else(|| deed(&text)) {
            Some(deed) => (deed.to_owned(), true),
            None => (text, false),
        };
        // In a tree the lines of a text with carriage returns hold them still.
        let is_tree_good = !told && !cut && !local.text.contains('\r');
        let md = || local.md.filter(|_| is_tree_good).and_then(md::read);
        let read = markdown_read::big_emoji(&text).or_else(md);
        let mut document = read.unwrap_or_else(|| markdown_read::read(&text));
        let emote = told || take_emote(&mut document, &text);
        Self { document, emote, cut }
    }

    fn read_all(parts: &LocalParts<'_>) -> Self {
        let mut said = Self::read(&parts.text);
        said.document.blocks.extend(uikit::blocks(parts.blocks));
        said.document.blocks.extend(attachment::blocks(parts.attachments, parts.replied));
        said
    }

    fn written(&self, names: &dyn Names) -> MatrixText {
        let mut mentions = Mentions::default();
        for block in &self.document.blocks {
            mentioned_in(block, names, &mut mentions);
        }
        let mut body = body::write(&self.document, names);
        let mut formatted_body = html_write::write(&self.document, names);
        if self.cut {
            body.push_str(CUT);
            if let Some(html) = formatted_body.as_mut() {
                html.push_str(CUT);
            }
        }
        clean::close_bidi(&mut body);
        formatted_body.iter_mut().for_each(clean::close_bidi);
        MatrixText { emote: self.emote, body, formatted_body, mentions }
    }
}

/// What `/me` wrote where it ends in a mention: Rocket.Chat takes the underscore behind it for a part of the name.
fn deed(text: &str) -> Option<&str> {
    let deed = text.strip_prefix('_')?.strip_suffix('_')?;
    let (said, name) = deed.rsplit_once(' ')?;
    let is_name = name.strip_prefix('@').is_some_and(|name| !name.is_empty() && name.chars().all(joins_name));
    (is_name && !said.contains(['_', '\n'])).then_some(deed)
}

/// Takes off the italics that `/me` puts around its text.
fn take_emote(document: &mut Document, text: &str) -> bool {
    if !text.starts_with('_') || text.starts_with("__") {
        return false;
    }
    let [Block::Paragraph(line)] = document.blocks.as_mut_slice() else { return false };
    let all = document::runs(line.clone());
    // Signs that would end a style stand outside of it; what stands alone between words is no part of one deed.
    let sign = |inline: &Inline| {
        matches!(inline, Inline::Text(text)
        if !(text.starts_with(' ') && text.ends_with(' ')) && text.chars().all(|char| "*_~`|\\ ".contains(char)))
    };
    let wholly =
        |run: &document::Run| run.marks.has(Mark::Italic) || run.atom == Inline::Break || sign(&run.atom);
    if !all.iter().all(wholly) {
        return false;
    }
    let deed = all.into_iter().map(|run| document::Run { marks: run.marks.without(Mark::Italic), ..run });
    *line = document::tree(document::tidy(deed.collect()));
    true
}

fn mentioned_in(block: &Block, names: &dyn Names, found: &mut Mentions) {
    match block {
        Block::Paragraph(text) | Block::Heading { text, .. } => mentioned(text, names, found),
        Block::List(items) => {
            for item in items {
                mentioned(&item.text, names, found);
                item.below.iter().for_each(|block| mentioned_in(block, names, found));
            }
        }
        Block::Table(rows) => rows.iter().flatten().for_each(|cell| mentioned(cell, names, found)),
        // Whoever is named in a quote was mentioned when it was first said.
        Block::Quote(_) | Block::Code { .. } | Block::Maths(_) | Block::Rule | Block::Blank => {}
    }
}

fn mentioned(inlines: &[Inline], names: &dyn Names, found: &mut Mentions) {
    for inline in inlines {
        match inline {
            Inline::User(name) => {
                if let Some((id, ..)) = html_write::user(name, names)
                    && !found.users.contains(&id)
                {
                    found.users.push(id);
                }
            }
            Inline::Everyone(_) => found.room = true,
            Inline::Styled(_, inner) => mentioned(inner, names, found),
            Inline::Text(_)
            | Inline::Break
            | Inline::Code(_)
            | Inline::Maths(_)
            | Inline::Link { .. }
            | Inline::Image { .. }
            | Inline::Channel(_)
            | Inline::MatrixUser { .. }
            | Inline::MatrixRoom { .. }
            | Inline::Emoji(_)
            | Inline::Colour { .. }
            | Inline::Time { .. } => {}
        }
    }
}
