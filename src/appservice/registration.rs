//! The registration: the file a homeserver's administrator adds, so that the homeserver knows the App.
//!
//! Its namespaces are narrow: the users of our prefix and the aliases of our rooms, on this server only. Without a prefix
//! the homeserver is the workspace's own, and all its users are ours.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#registration>

use super::intent::ID;
use super::token;
use crate::config::Config;
use crate::view::{Missing, View};

/// The registration as YAML; `None` before tokens were drawn.
pub fn yaml(view: &View) -> Result<Option<String>, Missing> {
    let Some(tokens) = token::newest(view)? else { return Ok(None) };
    let Config { user_prefix, bot_localpart, server_name, appservice_url, .. } = &view.config;
    let server = literal(server_name);
    let users = quote(&format!("@{}[^:]*:{server}$", literal(user_prefix)));
    let bot = quote(&format!("@{}:{server}$", literal(bot_localpart)));
    let aliases = quote(&format!("#{}room_[^:]*:{server}$", literal(user_prefix)));
    let (url, sender) = (quote(appservice_url), quote(bot_localpart));
    let (appservice, homeserver) = (quote(tokens.appservice.expose()), quote(tokens.homeserver.expose()));
    Ok(Some(format!(
        "id: {ID}
url: {url}
as_token: {appservice}
hs_token: {homeserver}
sender_localpart: {sender}
rate_limited: false
receive_ephemeral: true
de.sorunome.msc2409.push_ephemeral: true
namespaces:
  users:
    - exclusive: true
      regex: {users}
    - exclusive: true
      regex: {bot}
  aliases:
    - exclusive: true
      regex: {aliases}
  rooms: []
"
    )))
}

/// A text as part of a regular expression that means just this text.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | ':') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A text as a single-quoted YAML scalar.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_literally() {
        assert_eq!(literal("ma.trix+x"), "ma\\.trix\\+x");
        assert_eq!(quote("it's"), "'it''s'");
    }
}
