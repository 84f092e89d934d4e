//! An event of Matrix on its way to Rocket.Chat: what it says, in one message or several.
//!
//! Law: it calls nobody whom its sender did not mean or may not call.

use super::content::{self, Said};
use super::document::Document;
use super::{CUT, Kind, Limit, Names, Parts, RemoteEvent, RocketChatText, clean, markdown_write, split};

/// Translates an event of Matrix; an edit (`m.replace`) gives its new text.
pub fn from_matrix(event: &RemoteEvent<'_>, names: &dyn Names) -> RocketChatText {
    said(event, content::read(event.event_type, event.content), names)
}

/// What an event says beside its file, where it has a caption; of an edit, the new one.
pub fn caption(event: &RemoteEvent<'_>, names: &dyn Names) -> Option<RocketChatText> {
    content::caption(event.content).map(|caption| said(event, caption, names))
}

/// The same as [`from_matrix`] in as many messages as it takes to keep each within the limit.
///
/// A workspace counts graphemes against `Message_MaxAllowedSize`, its webhooks UTF-16 units. Those are counted here: there
/// are never fewer of them.
pub fn from_matrix_parts(event: &RemoteEvent<'_>, names: &dyn Names, limit: Limit) -> Parts<RocketChatText> {
    in_parts(event, &content::read(event.event_type, event.content), names, limit)
}

/// The same as [`caption`] in parts.
pub fn caption_parts(
    event: &RemoteEvent<'_>,
    names: &dyn Names,
    limit: Limit,
) -> Option<Parts<RocketChatText>> {
    content::caption(event.content).map(|caption| in_parts(event, &caption, names, limit))
}

/// Where it is cut does not hang on whether everybody may be called: tried again without, it is cut in the same places.
fn in_parts(event: &RemoteEvent<'_>, all: &Said, names: &dyn Names, limit: Limit) -> Parts<RocketChatText> {
    if all.cut {
        return Parts::File;
    }
    let write = |event: &RemoteEvent<'_>, document: Document| {
        said(event, Said { document, mentions: all.mentions.clone(), ..*all }, names)
    };
    let calm = RemoteEvent { may_mention_room: false, ..*event };
    let measure = |document: &Document| write(&calm, document.clone()).text.encode_utf16().count();
    split::messages(&all.document, limit, &measure, |document| write(event, document))
}

fn said(event: &RemoteEvent<'_>, said: Said, names: &dyn Names) -> RocketChatText {
    let manner = markdown_write::Manner {
        names,
        everyone: event.may_mention_room && said.mentions.room,
        emote: said.kind == Kind::Emote,
        meant: said.names_all.then_some(said.mentions.users.as_slice()),
        quoting: false,
    };
    let mut text = markdown_write::write(said.document, manner);
    if text.trim().is_empty() {
        text.replace_range(.., "[empty message]");
    }
    if said.cut {
        text.push_str(CUT);
    }
    clean::close_bidi(&mut text);
    RocketChatText { text, kind: said.kind, mentions: said.mentions }
}
