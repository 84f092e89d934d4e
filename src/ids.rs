//! Every id, document key, ghost name and transaction id: made and parsed here only.
//!
//! Ids are derived, not drawn: doing a thing twice is doing it once.
//!
//! Spec: <https://spec.matrix.org/v1.18/appendices/#identifier-grammar>

mod file;
mod message;
mod transaction;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use file::{file_name, media_type, size};
pub use message::{event_id, event_of, is_derived_message, is_part, message_id, notice_id, part_id};
pub use transaction::{
    edit_transaction, file_transaction, part_transaction, reaction_transaction, redaction_transaction,
    transaction,
};

/// What may be decided by one instance at a time: a room's side, or the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
pub struct Scope(String);

impl Scope {
    /// The attachment to the network.
    pub fn workspace() -> Self {
        Self("workspace".to_owned())
    }

    /// The look whether everything works, after a start.
    pub fn check() -> Self {
        Self("check".to_owned())
    }

    /// What goes out of a Rocket.Chat room.
    pub fn local(room: &str) -> Self {
        Self(format!("local:{room}"))
    }

    /// What comes in from a Matrix room.
    pub fn remote(room: &str) -> Self {
        Self(format!("remote:{room}"))
    }

    /// Looking for what the homeserver never sent of a Matrix room: apart from what comes in, which does not wait for it.
    pub fn missed(room: &str) -> Self {
        Self(format!("missed:{room}"))
    }

    /// The driver's own alarm, for what waits in its memory: calls for their turn, hooks for a store that takes them.
    pub fn driver() -> Self {
        Self("driver".to_owned())
    }

    /// A flow of its own that belongs to no room; `what` tells it from others.
    pub fn apart(what: &str) -> Self {
        Self(format!("apart:{what}"))
    }

    /// What local people are on Matrix: their names, their pictures, whether they are there.
    pub fn puppets() -> Self {
        Self("puppets".to_owned())
    }

    /// What Matrix users are on Rocket.Chat, apart from what they say.
    pub fn ghosts() -> Self {
        Self("ghosts".to_owned())
    }

    /// What is pinned on Rocket.Chat because it is pinned on Matrix.
    pub fn pins() -> Self {
        Self::apart("pins")
    }

    /// The Rocket.Chat room, of a local scope.
    pub fn local_room(&self) -> Option<&str> {
        self.0.strip_prefix("local:")
    }

    /// The Matrix room, of a remote scope.
    pub fn remote_room(&self) -> Option<&str> {
        self.0.strip_prefix("remote:")
    }

    /// The Matrix room, of a scope in which it is looked for what was missed there.
    pub fn matrix_room(&self) -> Option<&str> {
        self.0.strip_prefix("missed:").or_else(|| self.remote_room())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Associations that documents are found by.
pub mod key {
    use super::Scope;

    /// All heartbeats.
    pub const INSTANCES: &str = "instances";
    /// All journal entries of all scopes.
    pub const JOURNALS: &str = "journals";
    /// All portals.
    pub const PORTALS: &str = "portals";
    /// All pairs of appservice tokens.
    pub const TOKENS: &str = "tokens";
    /// All entries that were given up.
    pub const DEAD: &str = "dead";
    /// What the check said at starts.
    pub const CHECKED: &str = "checked";

    /// That the homeserver is away.
    pub const OUTAGE: &str = "outage";

    /// All keys that we sign with in direct mode.
    pub const SIGNING: &str = "signing";
    /// All invitations of our users in direct mode.
    pub const INVITATIONS: &str = "invitations";

    /// All ghosts.
    pub const GHOSTS: &str = "ghosts";
    /// All that may be downloaded once.
    pub const TICKETS: &str = "tickets";
    /// All puppets.
    pub const PUPPETS: &str = "puppets";
    /// All keys that addresses of pictures are marked with.
    pub const SEALS: &str = "seals";

    /// The journal of a scope.
    pub fn journal(scope: &Scope) -> String {
        format!("journal:{scope}")
    }
    /// Whether an association is that of one scope's journal.
    pub fn is_journal(association: &str) -> bool {
        association.starts_with("journal:")
    }
    /// The ledger of a portal: its open links and its latest checkpoint.
    pub fn ledger(room: &str) -> String {
        format!("ledger:{room}")
    }
    /// A sealed segment of a portal's ledger.
    pub fn segment(room: &str, number: u64) -> String {
        format!("segment:{room}:{number}")
    }
    /// The comparisons of a portal.
    pub fn compared(room: &str) -> String {
        format!("compared:{room}")
    }
    /// The portal of a Rocket.Chat room.
    pub fn portal_local(room: &str) -> String {
        format!("portal-local:{room}")
    }
    /// The portal of a Matrix room.
    pub fn portal_remote(room: &str) -> String {
        format!("portal-remote:{room}")
    }
    /// The link of a Rocket.Chat message.
    pub fn link_local(message: &str) -> String {
        format!("link-local:{message}")
    }
    /// The link of a Matrix event.
    pub fn link_remote(event: &str) -> String {
        format!("link-remote:{event}")
    }
    /// A file of Matrix that the workspace has under an id.
    pub fn uploaded(file: &str) -> String {
        format!("uploaded:{file}")
    }
    /// The ghost of a Matrix user, what the user is known by, and what of it was brought to Rocket.Chat.
    pub fn ghost(mxid: &str) -> String {
        format!("ghost:{mxid}")
    }
    /// The ghost that bears a username.
    pub fn ghost_name(username: &str) -> String {
        format!("ghost-name:{}", username.to_lowercase())
    }
    /// What a server said of itself: its `delegation` or its `keys`.
    pub fn remembered(of: &str) -> String {
        format!("remembered:{of}")
    }
    /// The invitations into a Matrix room.
    pub fn invitation(room: &str) -> String {
        format!("invitation:{room}")
    }
    /// That we are in a Matrix room as a server.
    pub fn joined(room: &str) -> String {
        format!("joined:{room}")
    }
    /// An event of a Matrix room.
    pub fn event(event: &str) -> String {
        format!("event:{event}")
    }
    /// All state events of a Matrix room, of now and of before.
    pub fn room_state(room: &str) -> String {
        format!("room-state:{room}")
    }
    /// A state of a Matrix room.
    pub fn snapshot(snapshot: &str) -> String {
        format!("snapshot:{snapshot}")
    }
    /// The latest events of a Matrix room.
    pub fn heads(room: &str) -> String {
        format!("heads:{room}")
    }
    /// The event that was made for something.
    pub fn made(transaction: &str) -> String {
        format!("made:{transaction}")
    }
    /// The edits in a Matrix room that came before what they edit.
    pub fn held(room: &str) -> String {
        format!("held-in:{room}")
    }
    /// The reaction that an event is.
    pub fn reaction(event: &str) -> String {
        format!("reaction:{event}")
    }
    /// All reactions to a message.
    pub fn reactions(message: &str) -> String {
        format!("reactions:{message}")
    }
    /// All reactions of local users in a Rocket.Chat room.
    pub fn reactions_in(room: &str) -> String {
        format!("reactions-in:{room}")
    }
    /// The puppet of a local user, and what Matrix was told of it.
    pub fn puppet(user: &str) -> String {
        format!("puppet:{user}")
    }
    /// The puppet that bears a name: a localpart without the prefix.
    pub fn puppet_name(name: &str) -> String {
        format!("puppet-name:{name}")
    }
    /// A poll that is open, and the votes in it.
    pub fn poll(event: &str) -> String {
        format!("poll:{event}")
    }
    /// The vote that an event is.
    pub fn vote(event: &str) -> String {
        format!("vote:{event}")
    }
    /// Scopes handed to an instance.
    pub fn pokes(instance: &str) -> String {
        format!("pokes:{instance}")
    }
}

/// The alias localpart of the Matrix room made for a Rocket.Chat room.
pub fn alias_localpart(prefix: &str, room: &str) -> String {
    format!("{prefix}room_{room}")
}

/// The Rocket.Chat room that a Matrix room was made for which has such an alias.
pub fn room_of_alias<'a>(prefix: &str, server: &str, alias: &'a str) -> Option<&'a str> {
    let room = alias.strip_prefix('#')?.strip_prefix(&*alias_localpart(prefix, ""))?;
    room.strip_suffix(server)?.strip_suffix(':').filter(|it| !it.is_empty())
}

/// The alias localpart of a Matrix room made for a direct message. It is another one for each room that the direct
/// message had before.
pub fn dm_alias_localpart(prefix: &str, room: &str, before: &str) -> String {
    alias_localpart(prefix, &format!("dm_{}", digest(&[room, before])))
}

/// `@localpart:server` in its two parts. The server may carry a port.
pub fn split_mxid(mxid: &str) -> Option<(&str, &str)> {
    let (localpart, server) = mxid.strip_prefix('@')?.split_once(':')?;
    (!server.is_empty() && mxid.len() <= 255 && !mxid.chars().any(|c| c.is_control() || c.is_whitespace()))
        .then_some((localpart, server))
}

/// Whether a text is a well-formed user id that may be invited.
pub fn is_mxid(text: &str) -> bool {
    split_mxid(text).is_some_and(|(localpart, server)| {
        !localpart.is_empty()
            && server.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'))
    })
}

/// The localpart of a Rocket.Chat username, as the spec maps other character sets to user ids.
pub fn localpart(username: &str) -> String {
    escape(username, '=', |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/')
    })
}

/// Another localpart of the same username, should its first one be somebody else's.
pub fn spelt_out(username: &str) -> String {
    escape(username, '=', |_| false)
}

/// The Rocket.Chat username that a localpart was made of.
pub fn from_localpart(localpart: &str) -> String {
    unescape(localpart, '=').unwrap_or_else(|| localpart.to_owned())
}

/// The names a ghost may bear, best first: `alice:server`, and should that be another's, one with a mark of its own,
/// short or long. Characters that break Rocket.Chat's mentions are replaced (the parser would cut the name there and
/// notify somebody else), so the true id stands in the ghost's record.
pub fn ghost_names(mxid: &str) -> [String; 3] {
    let (localpart, server) = split_mxid(mxid).unwrap_or((mxid, "unknown"));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let clean = |text: &str| text.chars().map(|c| if plain(c) { c } else { '_' }).collect::<String>();
    let (localpart, server) = (clean(localpart), clean(server));
    let mark = mark(mxid);
    let short: String = mark.chars().take(SHORT).collect();
    [
        format!("{localpart}:{server}"),
        format!("{localpart}-{short}:{server}"),
        format!("{localpart}-{mark}:{server}"),
    ]
}

/// Whether no other Matrix user's ghost could bear a name. Characters that were replaced make the plain name ambiguous,
/// save the colon before a port.
pub fn is_only_ghost_name_of(username: &str, mxid: &str) -> bool {
    let [plain, marked @ ..] = ghost_names(mxid);
    let unchanged = |(localpart, server): (&str, &str)| {
        plain == format!("{localpart}:{}", server.replace(':', "_"))
            && !format!("{localpart}{server}").contains('_')
    };
    marked.iter().any(|it| it == username) || (plain == username && split_mxid(mxid).is_some_and(unchanged))
}

/// The name of a puppet whose user's own name belongs to another puppet: with a mark of its own. The dash before it is
/// spelt as that of no username is, so that nobody comes to bear this name by theirs.
pub fn marked_name(name: &str, user: &str) -> String {
    let short: String = mark(user).chars().take(SHORT).collect();
    format!("{name}=2d{short}")
}

/// So many characters of a mark keep apart what has the same name by chance.
const SHORT: usize = 8;

/// Letters and digits that are the same for the same id.
fn mark(id: &str) -> String {
    digest(&[id]).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// `mxc://server/media` in its two parts, if both are such as may stand in an address.
pub fn split_mxc(mxc: &str) -> Option<(&str, &str)> {
    let (server, media) = mxc.strip_prefix("mxc://")?.split_once('/')?;
    let is_server = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let is_media = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let fits = |part: &str, is: fn(char) -> bool| (1..=255).contains(&part.len()) && part.chars().all(is);
    (fits(server, is_server) && fits(media, is_media)).then_some((server, media))
}

/// Whether a username is one that only ghosts bear: no person's may contain a colon.
pub fn is_ghost_name(username: &str) -> bool {
    username.contains(':')
}

/// A short text that is the same for the same parts and different for others.
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// A random text of 256 bits.
pub fn token(entropy: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(entropy)
}

fn escape(text: &str, mark: char, plain: impl Fn(char) -> bool) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if plain(c) {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(out, "{mark}{byte:02x}");
            }
        }
    }
    out
}

fn unescape(text: &str, mark: char) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        if c == mark {
            bytes.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_come_back_from_localparts() {
        for (username, expected) in
            [("alice", "alice"), ("Bob.Q", "=42ob.=51"), ("a=b", "a=3db"), ("zoë", "zo=c3=ab")]
        {
            assert_eq!(localpart(username), expected);
            assert_eq!(from_localpart(expected), username);
        }
    }

    #[test]
    fn ghost_names_survive_rocketchats_mentions() {
        for (mxid, expected) in [
            ("@alice:example.org", "alice:example.org"),
            ("@alice:localhost:18448", "alice:localhost_18448"),
            ("@al=2fbob:example.org", "al_2fbob:example.org"),
            ("@:example.org", ":example.org"),
        ] {
            assert_eq!(ghost_names(mxid)[0], expected);
        }
        assert_ne!(ghost_names("@a=b:x.org")[1], ghost_names("@a+b:x.org")[1]);
    }

    #[test]
    fn an_ambiguous_name_is_nobodys_alone() {
        for (mxid, is_only) in [
            ("@alice:example.org", true),
            ("@alice:localhost:18448", true),
            ("@al=2fbob:example.org", false),
            ("@a_b:example.org", false),
            ("@a:ex_ample.org", false),
        ] {
            let [plain, short, _] = ghost_names(mxid);
            assert_eq!(is_only_ghost_name_of(&plain, mxid), is_only, "{mxid}");
            assert!(is_only_ghost_name_of(&short, mxid) && !is_only_ghost_name_of(&short, "@x:y.org"));
        }
    }

    #[test]
    fn user_ids_are_checked_before_they_are_invited() {
        for good in ["@bob:example.org", "@bob:localhost:18448", "@a.b-c=2f:[::1]:8448"] {
            assert!(is_mxid(good), "{good}");
        }
        for bad in [
            "bob",
            "@bob",
            "@bob:",
            "@:example.org",
            "@bob:exa mple",
            "@bob:example.org/x",
            "#bob:example.org",
        ] {
            assert!(!is_mxid(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_of_media_are_checked_before_they_stand_in_others() {
        assert_eq!(split_mxc("mxc://example.org:8448/aB-_9"), Some(("example.org:8448", "aB-_9")));
        for bad in [
            "",
            "mxc://",
            "mxc://x",
            "mxc://x/",
            "mxc:///y",
            "http://x/y",
            "mxc://x/y/z",
            "mxc://x/..",
            "mxc://x/y?z",
        ] {
            assert_eq!(split_mxc(bad), None, "{bad}");
        }
    }

    #[test]
    fn digests_keep_parts_apart() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
