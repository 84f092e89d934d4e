/** What Rocket.Chat reads out of a message's text before it is saved: mentions, and `md` by its own parser. */
import { parse } from '@rocket.chat/message-parser';
import { MeteorError } from './failure.ts';
import { hasPermission } from './permissions.ts';
import type { MessageDoc } from './records.ts';
import type { Site } from './site.ts';

const NAME = '[0-9a-zA-Z-_.]+';
const USER_MENTION = new RegExp(`(?:^|\\s|>)@(${NAME}(?:@${NAME})?(?::[0-9a-zA-Z-_.]+)?)`, 'gm');
const ROOM_MENTION = new RegExp(`(?:^|\\s|>)#(${NAME}(?:@${NAME})?)`, 'gm');
const LONGEST_PARSED = 30_000;
/** Past this age a message counts as old, and may name everybody. */
const FRESH = 60_000;

export async function readText(site: Site, message: MessageDoc): Promise<void> {
  await findMentions(site, message);
  if (message.msg.length <= LONGEST_PARSED && message.msg !== '' && message.t !== 'e2e')
    message.md = parse(message.msg, parserOptions(site));
  if (message.editedAt === undefined && Math.abs(Date.now() - message.ts.getTime()) <= FRESH)
    for (const name of ['all', 'here'] as const) await refuseNamingEverybody(site, message, name);
}

function parserOptions({ ws }: Site): Parameters<typeof parse>[1] {
  const domains = ws.settings.string('Message_CustomDomain_AutoLink');
  return {
    colors: ws.settings.boolean('HexColorPreview_Enabled'),
    emoticons: true,
    customDomains: domains === '' ? [] : domains.split(',').map((domain) => domain.trim()),
    ...(ws.settings.boolean('Katex_Enabled') && { katex: { dollarSyntax: false, parenthesisSyntax: true } }),
  };
}

async function findMentions({ db }: Site, message: MessageDoc): Promise<void> {
  const names = new Set([...message.msg.matchAll(USER_MENTION)].map(([, name]) => name ?? ''));
  const groups = ['all', 'here']
    .filter((name) => names.has(name))
    .map((name) => ({ _id: name, username: name }));
  const users = names.size === 0 ? [] : await db.users.find(({ username }) => names.has(username));
  message.mentions = [
    ...groups,
    ...users.map(({ _id, username, name }) => ({
      _id,
      username,
      ...(name !== undefined && { name }),
      type: 'user',
    })),
  ];
  const channels = new Set([...message.msg.matchAll(ROOM_MENTION)].map(([, name]) => name ?? ''));
  const rooms =
    channels.size === 0
      ? []
      : await db.rooms.find((room) => (room.t === 'c' || room.t === 'p') && channels.has(room.name ?? ''));
  message['channels'] = rooms.map(({ _id, name, fname }) => ({ _id, name, fname }));
}

async function refuseNamingEverybody(
  site: Site,
  { mentions, u, rid }: MessageDoc,
  name: 'all' | 'here',
): Promise<void> {
  if (
    mentions?.some(({ _id }) => _id === name) !== true ||
    (await hasPermission(site, u._id, `mention-${name}`, rid))
  )
    return;
  site.ws.notices.add(u._id, rid, 'error-action-not-allowed');
  throw new MeteorError('error-action-not-allowed', `Notify ${name} in this room not allowed`, {
    action: 'Notify_all_in_this_room',
  });
}
