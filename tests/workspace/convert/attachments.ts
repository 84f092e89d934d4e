/** Attachments of a message, between Rocket.Chat's fields and the Apps'. */
import type { IMessageAttachment } from '@rocket.chat/apps-engine/definition/messages/index.js';
import { mapped, take, withoutEmpty, type Raw } from './mapped.ts';

const NAMES: Record<string, string> = {
  collapsed: 'collapsed',
  color: 'color',
  text: 'text',
  timestampLink: 'message_link',
  thumbnailUrl: 'thumb_url',
  imageDimensions: 'image_dimensions',
  imagePreview: 'image_preview',
  imageUrl: 'image_url',
  imageType: 'image_type',
  imageSize: 'image_size',
  audioUrl: 'audio_url',
  audioType: 'audio_type',
  audioSize: 'audio_size',
  videoUrl: 'video_url',
  videoType: 'video_type',
  videoSize: 'video_size',
  fields: 'fields',
  actionButtonsAlignment: 'button_alignment',
  actions: 'actions',
  type: 'type',
  description: 'description',
};

export async function attachmentToApp(attachment: Raw): Promise<Raw> {
  return mapped(attachment, {
    ...NAMES,
    author: (raw) => {
      const [name, link, icon] = take(raw, 'author_name', 'author_link', 'author_icon');
      return { name, link, icon };
    },
    title: (raw) => {
      const [value, link, displayDownloadLink] = take(raw, 'title', 'title_link', 'title_link_download');
      return { value, link, displayDownloadLink };
    },
    // Without a `ts` this is an invalid date, as on a real server.
    timestamp: (raw) => new Date(take(raw, 'ts')[0] as string),
  });
}

export function attachmentFromApp(given: IMessageAttachment): Raw {
  const attachment = given as unknown as Raw & IMessageAttachment;
  const named = Object.fromEntries(Object.entries(NAMES).map(([from, to]) => [to, attachment[from]]));
  return withoutEmpty({
    ...named,
    ts: attachment.timestamp?.toJSON(),
    author_name: attachment.author?.name,
    author_link: attachment.author?.link,
    author_icon: attachment.author?.icon,
    title: attachment.title?.value,
    title_link: attachment.title?.link,
    title_link_download: attachment.title?.displayDownloadLink,
    ...(attachment['_unmappedProperties_'] as Raw | undefined),
  });
}
