//! Who a message says it is by, apart from its sender: a profile for that one message.
//!
//! Law: only what it says about itself; whether that is shown is for the caller.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4144>

use serde_json::Value;

/// The name and picture that one message is to be shown with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// The name, on one line.
    pub name: Option<String>,
    /// The picture, `mxc://…`.
    pub avatar: Option<String>,
    /// Whether the text begins with the name for those who do not know such profiles: `name: …`.
    in_text: bool,
}

/// The profile that a message has of its own, if any; of an edit, that of its new text.
pub fn persona(content: &Value) -> Option<Persona> {
    let content = super::content::newest(content);
    let profile = ["m.per_message_profile", "com.beeper.per_message_profile"];
    let profile = profile.into_iter().find_map(|key| content.get(key)).filter(|it| it.is_object())?;
    let text = |key| profile.get(key).and_then(Value::as_str).filter(|it: &&str| !it.trim().is_empty());
    let persona = Persona {
        name: text("displayname").map(super::content::short).filter(|name| !name.is_empty()),
        avatar: text("avatar_url").filter(|it| it.starts_with("mxc://")).map(str::to_owned),
        in_text: profile.get("has_fallback") == Some(&Value::Bool(true)),
    };
    (persona.name.is_some() || persona.avatar.is_some()).then_some(persona)
}

impl Persona {
    /// A body without the name before it.
    pub(super) fn unnamed<'a>(&self, body: &'a str) -> &'a str {
        let name = self.name.as_deref().filter(|_| self.in_text);
        let rest = name.and_then(|name| body.strip_prefix(name)?.strip_prefix(':'));
        rest.map_or(body, str::trim_start)
    }
}
