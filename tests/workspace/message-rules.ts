/** What a message may carry. */
import { hasPermission } from './permissions.ts';
import type { MessageDoc, RoomDoc, UserDoc } from './records.ts';
import type { Site } from './site.ts';

const LINKS = [
  'thumb_url',
  'message_link',
  'author_link',
  'author_icon',
  'title_link',
  'image_url',
  'audio_url',
  'video_url',
];

export async function validateMessage(
  site: Site,
  message: Partial<MessageDoc>,
  user: UserDoc,
  room: RoomDoc,
): Promise<void> {
  for (const field of ['_id', 'msg', 'alias', 'emoji', 'tmid'])
    if (message[field] !== undefined && message[field] !== null && typeof message[field] !== 'string')
      throw new Error(`Match error: Expected string, got ${typeof message[field]} in field ${field}`);
  const { alias, avatar, attachments, customFields } = message;
  if (typeof avatar === 'string' && !avatar.startsWith('/') && !isUrl(avatar))
    throw new Error('Match error: Invalid href value provided in field avatar');
  if ((alias || avatar) && !(await hasPermission(site, user._id, 'message-impersonate', room._id)))
    throw new Error('Not enough permission');
  for (const attachment of attachments ?? [])
    for (const field of LINKS) {
      const link = attachment[field];
      if (typeof link === 'string' && !isUrl(link) && !link.startsWith('/file-upload/'))
        throw new Error(`Match error: Invalid href value provided in field ${field}`);
    }
  if (customFields !== undefined) validateCustomFields(site, customFields);
}

function validateCustomFields({ ws }: Site, fields: unknown): void {
  if (!ws.settings.boolean('Message_CustomFields_Enabled')) throw new Error('Custom fields not enabled');
  const schema = JSON.parse(ws.settings.string('Message_CustomFields') || '{}') as {
    properties?: object;
    additionalProperties?: boolean;
  };
  const known = Object.keys(schema.properties ?? {});
  if (
    schema.additionalProperties !== true &&
    Object.keys(fields as object).some((field) => !known.includes(field))
  )
    throw new Error('Invalid custom fields');
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}
