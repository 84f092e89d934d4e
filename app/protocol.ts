// Generated from the Rust types by `./build.sh pack`; never edited.

/**
 * What may be decided by one instance at a time: a room's side, or the workspace.
 */
export type Scope = string;

/**
 * The kind of a Rocket.Chat account.
 */
export type UserKind = "user" | "bot" | "app" | "other";

/**
 * A Rocket.Chat user.
 */
export type User = { 
/**
 * Rocket.Chat's id.
 */
id: string, 
/**
 * The name people are mentioned by, without `@`.
 */
username: string, 
/**
 * The display name; may be empty.
 */
name: string, 
/**
 * What kind of account it is.
 */
kind: UserKind, 
/**
 * Role ids, such as `admin`.
 */
roles: Array<string>, 
/**
 * False once deactivated.
 */
active: boolean, 
/**
 * Whether this App made the account, in this or an earlier installation.
 */
madeByUs: boolean, };

/**
 * The kind of a Rocket.Chat room.
 */
export type RoomKind = "channel" | "group" | "direct" | "other";

/**
 * A Rocket.Chat room.
 */
export type Room = { 
/**
 * Rocket.Chat's id.
 */
id: string, 
/**
 * What it is called; may be empty for direct messages.
 */
name: string, 
/**
 * What kind of room it is.
 */
kind: RoomKind, 
/**
 * Whether Rocket.Chat's own end-to-end encryption is on.
 */
encrypted: boolean, };

/**
 * A file of Rocket.Chat.
 */
export type File = { 
/**
 * Rocket.Chat's id.
 */
id: string, 
/**
 * What it is called.
 */
name: string, 
/**
 * Its media type, as Rocket.Chat says; may be empty.
 */
mediaType: string, 
/**
 * How large it is, in bytes; 0 where that is not known.
 */
size: number, 
/**
 * The smaller picture that Rocket.Chat made of it, if it made one.
 */
thumbnail: File | null, };

/**
 * A Rocket.Chat message as it stood when a hook or a read handed it over.
 */
export type Message = { 
/**
 * Rocket.Chat's id.
 */
id: string, 
/**
 * The room's id.
 */
room: string, 
/**
 * Who it is by.
 */
sender: User, 
/**
 * The text as typed; empty for a bare file.
 */
text: string, 
/**
 * The text as parsed by Rocket.Chat (`message.md`), as JSON, where there is one.
 */
md: string | null, 
/**
 * When it was created, in milliseconds since the epoch.
 */
at: number, 
/**
 * When it was last edited, in milliseconds since the epoch.
 */
editedAt: number | null, 
/**
 * The type of a system message (`uj`, `r`, `e2e`…); absent for what people write.
 */
system: string | null, 
/**
 * The files that come with it.
 */
files: Array<File>, 
/**
 * Whether it was said in a direct message; false where the read did not tell.
 */
direct: boolean, 
/**
 * The first message of the thread that it is in, if it is in one.
 */
thread: string | null, 
/**
 * The messages that it quotes, as Rocket.Chat shows them.
 */
quotes: Array<Quote>, 
/**
 * How people reacted to it.
 */
reactions: Array<Reacted>, 
/**
 * What else is shown below the text, such as an App's or a webhook's cards: attachments that are neither files nor
 * quotes, as a JSON list, where there are any.
 */
attachments: string | null, 
/**
 * The `UIKit` blocks that it is made of, as a JSON list, where there are any.
 */
blocks: string | null, };

/**
 * A message as it is quoted by another.
 */
export type Quote = { 
/**
 * The address of the message.
 */
link: string, 
/**
 * What its sender is called.
 */
author: string, 
/**
 * Its text.
 */
text: string, };

/**
 * One reaction to a message.
 */
export type Reacted = { 
/**
 * As Rocket.Chat writes it, such as `:eyes:`.
 */
emoji: string, 
/**
 * The usernames of those who reacted so.
 */
users: Array<string>, };

/**
 * The picture that Rocket.Chat shows of a user.
 */
export type Avatar = { "kind": "picture", 
/**
 * Differs from that of every other picture the user had before.
 */
version: string, } | { "kind": "initials" } | { "kind": "unknown" };

/**
 * How the workspace is on the network.
 */
export type Mode = "homeserver" | "direct";

/**
 * A text that opens what is sealed in the store. It shows itself to nobody and is wiped when it is dropped.
 */
export type Secret = string;

/**
 * The settings of one workspace. The host hands them over at start and whenever one changes.
 */
export type Config = { 
/**
 * How the workspace is on the network.
 */
mode: Mode, 
/**
 * Where the homeserver's client API is, such as `https://matrix.example.org`; empty until it is set.
 */
homeserverUrl: string, 
/**
 * The server name in user ids, such as `example.org`; empty until it is set.
 */
serverName: string, 
/**
 * What the localparts of our users on Matrix begin with, such as `rc_`; empty where the homeserver has nobody
 * else's users.
 */
userPrefix: string, 
/**
 * The localpart of the App's own user on Matrix.
 */
botLocalpart: string, 
/**
 * Where the homeserver reaches the App: goes into the registration.
 */
appserviceUrl: string, 
/**
 * What opens the signing keys in the store: the App's environment variable, or nothing where there is none.
 */
secret: Secret | null, 
/**
 * Where names are looked up over HTTPS (`https://…/dns-query`), for servers that are found by SRV records only;
 * empty where they are not to be.
 */
dnsUrl: string, 
/**
 * Whether other Matrix servers may be at private addresses.
 */
privateAddresses: boolean, 
/**
 * Whether Rocket.Chat shows who of Matrix is typing.
 */
typing: boolean, 
/**
 * How many people Rocket.Chat lets into one direct message.
 */
directMessageUsers: number, 
/**
 * What tells this workspace from all others (Rocket.Chat's `uniqueID`).
 */
workspace: string, 
/**
 * Where browsers reach the App's endpoints, without a slash at its end; empty where that is not known.
 */
endpoints: string, 
/**
 * Where people's browsers reach the App, without a slash at its end; empty where they do not.
 */
pictures: string, 
/**
 * Whether an administrator gave the App an account for Rocket.Chat's REST API.
 */
rest: boolean, 
/**
 * How long a message of Rocket.Chat may be, in characters (`Message_MaxAllowedSize`).
 */
messageSize: number, 
/**
 * How large files may be that go from one side to the other, in bytes.
 */
largestFile: number, };

/**
 * Something that happened.
 */
export type Input = { "kind": "start" } | { "kind": "tick" } | { "kind": "stop" } | { "kind": "wake", 
/**
 * The scope.
 */
scope: Scope, } | { "kind": "reconcile", 
/**
 * The scope of the portal's local side.
 */
scope: Scope, 
/**
 * How many of the newest messages were compared already.
 */
skip: number, 
/**
 * When the comparison began, in milliseconds; nothing before its first page.
 */
began: number | null, } | { "kind": "step", 
/**
 * Where it stands.
 */
tag: Tag, } | { "kind": "outcome", 
/**
 * What the call was for.
 */
tag: Tag, 
/**
 * How it ended.
 */
answer: Answer, } | { "kind": "failed", 
/**
 * The entry.
 */
tag: Tag, 
/**
 * What the host said.
 */
why: string, } | { "kind": "messageSent", 
/**
 * The message.
 */
message: Message, } | { "kind": "command", 
/**
 * Who.
 */
user: User, 
/**
 * Where.
 */
room: Room, 
/**
 * The words after the command.
 */
words: Array<string>, 
/**
 * Where a window can be shown to them, where there is such a place.
 */
place: Place | null, } | { "kind": "request", 
/**
 * The request.
 */
request: Request, } | { "kind": "messageEdited", 
/**
 * The message as it is now.
 */
message: Message, 
/**
 * Who edited it, as far as Rocket.Chat says.
 */
by: User | null, } | { "kind": "messageDeleted", 
/**
 * The message as it was.
 */
message: Message, 
/**
 * Who deleted it.
 */
by: User, } | { "kind": "messageReacted", 
/**
 * The message as it is now.
 */
message: Message, 
/**
 * The reaction, such as `:eyes:`.
 */
emoji: string, 
/**
 * Who.
 */
by: User, 
/**
 * Whether it is there now.
 */
on: boolean, } | { "kind": "messagePinned", 
/**
 * The message.
 */
message: Message, 
/**
 * Who.
 */
by: User, 
/**
 * Whether it is pinned now.
 */
on: boolean, } | { "kind": "check", 
/**
 * The user's id.
 */
user: string, 
/**
 * The room to answer in.
 */
room: string, } | { "kind": "trapped", 
/**
 * Where the entry stood.
 */
tag: Tag, } | { "kind": "knock", 
/**
 * The request, without its body.
 */
request: Request, } | { "kind": "download", 
/**
 * The ticket.
 */
ticket: string, } | { "kind": "personChanged", 
/**
 * The user's id.
 */
user: string, };

/**
 * A request to the App's listener or endpoints.
 */
export type Request = { 
/**
 * The method, in capitals.
 */
method: string, 
/**
 * The path with its query, percent-encoded, exactly as sent.
 */
uri: string, 
/**
 * The `Authorization` headers, in order: a request between servers may be signed by several keys.
 */
authorization: Array<string>, 
/**
 * The body, as put into the core before.
 */
body: number, };

/**
 * How a call to another server ended.
 */
export type Answer = { "kind": "response", 
/**
 * The HTTP status.
 */
status: number, 
/**
 * The body as text.
 */
body: string, 
/**
 * The `Retry-After` header in milliseconds, where there is one.
 */
retryAfter: number | null, 
/**
 * The `Cache-Control` header, where there is one.
 */
cacheControl: string | null, 
/**
 * The `Location` header, where there is one: redirects are not followed by the host.
 */
location: string | null, 
/**
 * How far the other side's clock was ahead of ours when the answer came, in milliseconds, by its `Date` header.
 */
ahead: number | null, } | { "kind": "unreachable", 
/**
 * Why, in plain words and without secrets.
 */
why: string, };

/**
 * One thing to do.
 */
export type Effect = { "kind": "insert", 
/**
 * The document.
 */
document: Document, } | { "kind": "remove", 
/**
 * The document's own id.
 */
id: string, } | { "kind": "call", 
/**
 * What the call is for.
 */
tag: Tag, 
/**
 * The request.
 */
request: Call, } | { "kind": "next", 
/**
 * Where it stands.
 */
tag: Tag, } | { "kind": "wake", 
/**
 * The scope.
 */
scope: Scope, 
/**
 * When.
 */
at: number, } | { "kind": "reconcile", 
/**
 * The scope of the portal's local side.
 */
scope: Scope, 
/**
 * How many of the newest messages were compared already.
 */
skip: number, 
/**
 * When the comparison began, in milliseconds; nothing before its first page.
 */
began: number | null, } | { "kind": "reply", 
/**
 * The answer.
 */
reply: Reply, } | { "kind": "createUser", 
/**
 * Its username; derived, so that a second attempt finds the first.
 */
username: string, 
/**
 * Its display name.
 */
name: string, } | { "kind": "createMessage", 
/**
 * Its id; derived, so that a second attempt is refused by the database.
 */
id: string, 
/**
 * The room's id.
 */
room: string, 
/**
 * The username it is by.
 */
sender: string, 
/**
 * The text, in Rocket.Chat's Markdown.
 */
text: string, 
/**
 * What its sender is called, where that is not to be what the account is called.
 */
alias: string | null, 
/**
 * An address, whole or within the workspace, of the picture beside it, where that is not to be the account's.
 */
avatar: string | null, 
/**
 * The first message of the thread that it goes into, if it goes into one.
 */
thread: string | null, } | { "kind": "addMember", 
/**
 * The room's id.
 */
room: string, 
/**
 * The username.
 */
username: string, } | { "kind": "removeMember", 
/**
 * The room's id.
 */
room: string, 
/**
 * The username.
 */
username: string, } | { "kind": "notify", 
/**
 * The room's id.
 */
room: string, 
/**
 * The user's id.
 */
user: string, 
/**
 * What to say, in Rocket.Chat's Markdown.
 */
text: string, } | { "kind": "log", 
/**
 * How grave it is.
 */
level: Level, 
/**
 * The line; no secrets.
 */
text: string, } | { "kind": "editMessage", 
/**
 * Its id.
 */
id: string, 
/**
 * The room's id.
 */
room: string, 
/**
 * The username of who edits it.
 */
editor: string, 
/**
 * The text, in Rocket.Chat's Markdown.
 */
text: string, } | { "kind": "deleteMessage", 
/**
 * Its id.
 */
id: string, 
/**
 * The room's id.
 */
room: string, 
/**
 * The username of who deletes it.
 */
by: string, } | { "kind": "check", 
/**
 * The user's id.
 */
user: string, 
/**
 * The room to answer in.
 */
room: string, } | { "kind": "mark", 
/**
 * The message.
 */
message: string, 
/**
 * The reaction, such as `:eyes:`.
 */
reaction: string, 
/**
 * Whether it is to be there.
 */
on: boolean, } | { "kind": "react", 
/**
 * The message.
 */
message: string, 
/**
 * The username of who reacts.
 */
by: string, 
/**
 * The reaction, such as `:eyes:`.
 */
emoji: string, 
/**
 * Whether it is to be there.
 */
on: boolean, } | { "kind": "typing", 
/**
 * The room's id.
 */
room: string, 
/**
 * The names they bear here.
 */
who: Array<string>, } | { "kind": "openDirect", 
/**
 * The username of the one who opens it.
 */
creator: string, 
/**
 * The usernames of all who are in it, sorted.
 */
members: Array<string>, } | { "kind": "tellRoom", 
/**
 * The message's id; derived, so that it is said once.
 */
id: string, 
/**
 * The room's id.
 */
room: string, 
/**
 * What to say, in Rocket.Chat's Markdown.
 */
text: string, } | { "kind": "tellUser", 
/**
 * The message's id; derived, so that it is said once.
 */
id: string, 
/**
 * The username.
 */
username: string, 
/**
 * What to say, in Rocket.Chat's Markdown.
 */
text: string, } | { "kind": "show", 
/**
 * The user's id.
 */
user: string, 
/**
 * Where.
 */
place: Place, 
/**
 * What.
 */
window: Window, } | { "kind": "serve", 
/**
 * The request that brings it.
 */
request: Call, 
/**
 * The name a file is to be saved by; none for a picture.
 */
name: string | null, } | { "kind": "rest", 
/**
 * What it is for.
 */
tag: Tag, 
/**
 * The method of the API, such as `users.update`.
 */
path: string, 
/**
 * A JSON body.
 */
body: string, } | { "kind": "carry", 
/**
 * What it is for.
 */
tag: Tag, 
/**
 * Where it is.
 */
from: FilePlace, 
/**
 * Where it is to be.
 */
to: FilePlace, };

/**
 * A document of the store.
 */
export type Document = { 
/**
 * Its own id, an association like the others.
 */
id: string, 
/**
 * Further associations it is found by.
 */
associations: Array<string>, 
/**
 * Its body, one opaque JSON string.
 */
body: string, };

/**
 * Where an entry under way stands; comes back with the outcome.
 */
export type Tag = { 
/**
 * The scope it runs in.
 */
scope: Scope, 
/**
 * The journal entry's id.
 */
entry: string, 
/**
 * The step, in the words of the room that takes it.
 */
step: string, };

/**
 * A request to another server.
 */
export type Call = { 
/**
 * The method, in capitals.
 */
method: string, 
/**
 * The whole address.
 */
url: string, 
/**
 * The whole `Authorization` header. Never logged.
 */
authorization: string | null, 
/**
 * How the server is to be met, where the address does not say it: a Matrix server found by discovery.
 */
peer: Peer | null, 
/**
 * Whether somebody else chose the address: then the one really connected to must pass `Core.admits`.
 */
guarded: boolean, 
/**
 * A JSON body.
 */
body: string | null, 
/**
 * How long to wait for the answer, in milliseconds.
 */
timeout: number, };

/**
 * How a Matrix server is met at an address that is not its name.
 */
export type Peer = { 
/**
 * The `Host` header.
 */
host: string, 
/**
 * The name in TLS and in the certificate; none where that is the address itself.
 */
sni: string | null, };

/**
 * A place of a file.
 */
export type FilePlace = { "kind": "server", 
/**
 * The request.
 */
request: Call, } | { "kind": "user", 
/**
 * The username.
 */
username: string, } | { "kind": "upload", 
/**
 * Rocket.Chat's id of it.
 */
id: string, 
/**
 * Its media type, as it may stand in a header.
 */
mediaType: string, 
/**
 * What it is called, where it is too large to be read whole: then it comes by the workspace's web server, by the
 * account that an administrator gave the App, and is handed on as it comes.
 */
streamed: string | null, } | { "kind": "room", 
/**
 * The room's id.
 */
room: string, 
/**
 * The username it is by.
 */
sender: string, 
/**
 * What it is called.
 */
name: string, 
/**
 * How large it may be, in bytes.
 */
most: number, } | { "kind": "media", 
/**
 * The room's id.
 */
room: string, 
/**
 * What it is called.
 */
name: string, 
/**
 * How large it may be, in bytes.
 */
most: number, };

/**
 * The answer to a request.
 */
export type Reply = { 
/**
 * The HTTP status.
 */
status: number, 
/**
 * A JSON body.
 */
body: string, };

/**
 * What a request is answered with.
 */
export type Served = Reply | Picture | FileElsewhere;

/**
 * A picture that is somewhere else, for whoever asks for it: PNG, JPEG, GIF or WebP, of 1 MB at most. What is anything
 * else is not there.
 */
export type Picture = { 
/**
 * The request that brings it.
 */
picture: Call, };

/**
 * A file that is somewhere else, for whoever asks for it: to be saved, never to be shown.
 */
export type FileElsewhere = { 
/**
 * The request that brings it.
 */
file: Call, 
/**
 * What it is called.
 */
name: string, };

/**
 * How grave a log line is.
 */
export type Level = "info" | "warn" | "error";

/**
 * Where a window can be shown to somebody who has just done something.
 */
export type Place = { 
/**
 * What they did, as Rocket.Chat knows it: good for one window, and for a few seconds.
 */
trigger: string, 
/**
 * The window that is open; nothing where it is to be opened.
 */
view: string | null, };

/**
 * A window.
 */
export type Window = { 
/**
 * Its id: comes back as the place's view.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * What it shows, from top to bottom.
 */
blocks: Array<Block>, };

/**
 * A part of a window.
 */
export type Block = { "kind": "text", 
/**
 * The text.
 */
text: string, } | { "kind": "code", 
/**
 * The text.
 */
text: string, } | { "kind": "buttons", 
/**
 * The buttons.
 */
buttons: Array<Button>, };

/**
 * A button.
 */
export type Button = { 
/**
 * What is written on it.
 */
label: string, 
/**
 * The command's words that it stands for.
 */
words: string, 
/**
 * Whether it stands out.
 */
primary: boolean, };

/**
 * Something that can be loaded.
 */
export type Key = { "kind": "documents", 
/**
 * The association.
 */
association: string, } | { "kind": "userByName", 
/**
 * The username.
 */
username: string, } | { "kind": "message", 
/**
 * The id.
 */
id: string, } | { "kind": "recent", 
/**
 * The room's id.
 */
room: string, 
/**
 * How many of the newest to leave out.
 */
skip: number, 
/**
 * How many at most; Rocket.Chat gives no more than 100.
 */
limit: number, } | { "kind": "fetch", 
/**
 * The request.
 */
request: Call, } | { "kind": "runtime" } | { "kind": "setting", 
/**
 * Rocket.Chat's id of it.
 */
id: string, } | { "kind": "direct", 
/**
 * Their usernames, sorted.
 */
members: Array<string>, } | { "kind": "members", 
/**
 * The room's id.
 */
room: string, } | { "kind": "room", 
/**
 * The id.
 */
id: string, } | { "kind": "roomByName", 
/**
 * The name.
 */
name: string, } | { "kind": "postedFile", 
/**
 * The room's id.
 */
room: string, 
/**
 * The user's id.
 */
user: string, } | { "kind": "userById", 
/**
 * The id.
 */
id: string, } | { "kind": "avatar", 
/**
 * The username.
 */
username: string, 
/**
 * The version that is known, so that an unchanged picture need not be read.
 */
known: string | null, };

/**
 * What a key led to.
 */
export type Loaded = { "kind": "documents", 
/**
 * In no order.
 */
bodies: Array<string>, } | { "kind": "user", 
/**
 * The user.
 */
user: User | null, } | { "kind": "message", 
/**
 * The message.
 */
message: Message | null, } | { "kind": "messages", 
/**
 * The messages.
 */
messages: Array<Message>, } | { "kind": "answer", 
/**
 * The answer, or why there is none.
 */
answer: Answer, } | { "kind": "runtime", 
/**
 * What the host tells.
 */
runtime: Runtime, } | { "kind": "setting", 
/**
 * Its value as text; none where there is no such setting.
 */
value: string | null, } | { "kind": "room", 
/**
 * The room.
 */
room: Room | null, } | { "kind": "users", 
/**
 * The users.
 */
users: Array<User>, } | { "kind": "file", 
/**
 * The text.
 */
text: string | null, } | { "kind": "avatar", 
/**
 * The picture.
 */
avatar: Avatar, };

/**
 * Where the App runs, and what it may do there.
 */
export type Runtime = { 
/**
 * What it is, with its version, such as `Node.js 24.1.0`.
 */
name: string, 
/**
 * Whether it lets the App use the network by itself.
 */
open: boolean, 
/**
 * Whose client calls other servers.
 */
transport: Transport, 
/**
 * How the App's own listener fares.
 */
listener: Listener, 
/**
 * The variable of the server's environment that holds the App's secret.
 */
variable: string, };

/**
 * Whose client calls other servers.
 */
export type Transport = "own" | "workspace" | "nobody";

/**
 * How the App's own listener fares.
 */
export type Listener = { "kind": "off" } | { "kind": "listening", 
/**
 * The address.
 */
host: string, 
/**
 * The port.
 */
port: number, } | { "kind": "taken", 
/**
 * The address.
 */
host: string, 
/**
 * The port.
 */
port: number, } | { "kind": "failed", 
/**
 * The address.
 */
host: string, 
/**
 * The port.
 */
port: number, 
/**
 * Why, as the runtime says it.
 */
why: string, };
