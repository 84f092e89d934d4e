//! Windows as values: what a person is shown, and the words that their buttons stand for.

use serde::{Deserialize, Serialize};

/// Where a window can be shown to somebody who has just done something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// What they did, as Rocket.Chat knows it: good for one window, and for a few seconds.
    pub trigger: String,
    /// The window that is open; nothing where it is to be opened.
    pub view: Option<String>,
}

/// A window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Its id: comes back as the place's view.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it shows, from top to bottom.
    pub blocks: Vec<Block>,
}

/// A part of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Block {
    /// Text in Rocket.Chat's Markdown.
    Text {
        /// The text.
        text: String,
    },
    /// Text that is to be copied as it is.
    Code {
        /// The text.
        text: String,
    },
    /// Buttons beside each other.
    Buttons {
        /// The buttons.
        buttons: Vec<Button>,
    },
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Button {
    /// What is written on it.
    pub label: String,
    /// The command's words that it stands for.
    pub words: String,
    /// Whether it stands out.
    pub primary: bool,
}
