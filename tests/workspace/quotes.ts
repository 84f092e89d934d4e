/** Quotes: links to messages of the workspace in a text, which the server shows as attachments. */
import { canAccessRoom } from './permissions.ts';
import type { MessageDoc } from './records.ts';
import type { Site } from './site.ts';

/** What the server takes for addresses, near enough: up to a blank or a closing bracket. */
const ADDRESS = /https?:\/\/[^\s)\]>]+/g;

type Attachment = Record<string, unknown>;

/** Before a message is saved: a quote of each message that the sender may read, instead of an earlier one of the same. */
export async function addQuotes(site: Site, message: MessageDoc, userId: string): Promise<void> {
  if (message['parseUrls'] === false) return;
  const addresses = new Set(message.msg.match(ADDRESS) ?? []);
  for (const address of addresses) {
    if (!address.includes(site.ws.settings.string('Site_Url')) || !URL.canParse(address)) continue;
    const ids = new URL(address).searchParams.getAll('msg');
    const quoted = ids.length === 1 ? await site.db.messages.byId(ids[0]) : undefined;
    const room = quoted && (await site.db.rooms.byId(quoted.rid));
    if (quoted === undefined || room === undefined || !(await canAccessRoom(site, room, userId))) continue;
    const others = (message.attachments ?? []).filter(({ message_link }) => message_link !== address);
    message.attachments = [...others, quote(site, quoted, address)];
  }
}

function quote({ ws }: Site, { msg, md, u, ts, attachments, ...more }: MessageDoc, link: string): Attachment {
  const limit = ws.settings.number('Message_QuoteChainLimit');
  return {
    text: msg,
    ...(md !== undefined && { md }),
    message_link: link,
    author_name: more['alias'] ?? u.username,
    author_icon: `/avatar/${u.username}`,
    attachments: limit < 2 ? [] : (attachments ?? []).map((one) => shortened(one, 1, limit)),
    ts,
  };
}

/** A chain of quotes ends somewhere. */
function shortened({ attachments, ...one }: Attachment, depth: number, limit: number): Attachment {
  if (!Array.isArray(attachments) || depth >= limit - 1) return one;
  return {
    ...one,
    attachments: (attachments as Attachment[]).map((next) => shortened(next, depth + 1, limit)),
  };
}
