//! The administrators' window: what a command says, and beneath it the commands as buttons.
//!
//! Everything said in it is said by a command; typed into a room, the same words get the same answer.

use crate::effect::{Block, Button, Effect, Place, Window};
use crate::facts::User;

/// A window's id says in which room it was opened: what takes longer is told there.
const ID: &str = "federation:";

const TITLE: &str = "Matrix Federation";

/// What the buttons say, and the words that they stand for.
const BUTTONS: [&[(&str, &str)]; 2] = [
    &[("Status", "status"), ("Check", "check"), ("Registration", "registration")],
    &[("Put aside", "dead"), ("Try again", "retry"), ("New tokens", "rotate-tokens"), ("Export", "export")],
];

/// What sets a piece of code apart in Markdown.
const FENCE: &str = "```";

/// The effects of a command, with all that it says to somebody said in their window instead.
pub fn answered(effects: Vec<Effect>, user: &User, room: &str, place: &Place) -> Vec<Effect> {
    let mut said = vec![];
    let mut others = vec![];
    for effect in effects {
        if let Effect::Notify { user: to, text, .. } = &effect
            && *to == user.id
        {
            said.push(text.clone());
        } else {
            others.push(effect);
        }
    }
    others.push(show(user, room, place, &said.join("\n")));
    others
}

/// The room in which a window was opened.
pub fn room_of(view: &str) -> &str {
    view.strip_prefix(ID).unwrap_or_default()
}

fn show(user: &User, room: &str, place: &Place, text: &str) -> Effect {
    let buttons = BUTTONS.map(|row| Block::Buttons { buttons: row.iter().map(button).collect() });
    let window = Window {
        id: format!("{ID}{room}"),
        title: TITLE.to_owned(),
        blocks: blocks(text).into_iter().chain(buttons).collect(),
    };
    Effect::Show { user: user.id.clone(), place: place.clone(), window }
}

fn button((label, words): &(&str, &str)) -> Button {
    Button { label: (*label).to_owned(), words: (*words).to_owned(), primary: *words == "status" }
}

/// A text as blocks: what stands between fences is code.
fn blocks(text: &str) -> Vec<Block> {
    let parts = text.split(FENCE).enumerate().map(|(index, part)| (index % 2 == 1, part));
    parts
        .filter(|(_, part)| !part.trim().is_empty())
        .map(|(is_code, part)| {
            if is_code {
                // The first line only names the language.
                let code = part.split_once('\n').map_or(part, |(_, code)| code);
                Block::Code { text: code.trim_end().to_owned() }
            } else {
                Block::Text { text: part.trim().to_owned() }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stands_apart() {
        let text = |text: &str| Block::Text { text: text.to_owned() };
        let code = Block::Code { text: "a: 1\nb: 2".to_owned() };
        assert_eq!(
            blocks("Save this.\n```yaml\na: 1\nb: 2\n```\nDone."),
            [text("Save this."), code, text("Done.")]
        );
        assert_eq!(blocks("plain"), [text("plain")]);
    }
}
