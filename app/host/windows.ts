/** Windows in Rocket.Chat's UIKit. */

import type { IUIKitSurfaceViewParam } from '@rocket.chat/apps-engine/definition/accessors';
import { UIKitSurfaceType } from '@rocket.chat/apps-engine/definition/uikit/IUIKitSurface.js';

import manifest from '../app.json' with { type: 'json' };
import type { Block, Button, Place, Window } from '../protocol.ts';
import type { Accessors } from './accessors.ts';

type Layout = IUIKitSurfaceViewParam['blocks'][number];

export class Windows {
  constructor(private readonly accessors: Accessors) {}

  async show(user: string, { trigger, view }: Place, window: Window): Promise<void> {
    const { modify } = await this.accessors.writing();
    const to = await this.accessors.read.getUserReader().getById(user);
    const controller = modify.getUiController();
    const shown = {
      ...surface(window),
      ...(view === null ? {} : { id: view }),
    };
    const context = { triggerId: trigger };
    await (view === null
      ? controller.openSurfaceView(shown, context, to)
      : controller.updateSurfaceView(shown, context, to));
  }
}

function surface({ id, title, blocks }: Window): IUIKitSurfaceViewParam {
  return {
    id,
    type: UIKitSurfaceType.MODAL,
    title: { type: 'plain_text', text: title },
    blocks: blocks.map(layout),
  };
}

function layout(block: Block, index: number): Layout {
  const blockId = `block-${index}`;
  switch (block.kind) {
    case 'text':
      return {
        type: 'section',
        blockId,
        text: { type: 'mrkdwn', text: block.text },
      };
    case 'code':
      return {
        type: 'section',
        blockId,
        text: { type: 'mrkdwn', text: `\`\`\`\n${block.text}\n\`\`\`` },
      };
    case 'buttons':
      return {
        type: 'actions',
        blockId,
        elements: block.buttons.map((button) => element(button, blockId)),
      };
  }
}

function element({ label, words, primary }: Button, blockId: string) {
  return {
    type: 'button',
    appId: manifest.id,
    blockId,
    actionId: words,
    text: { type: 'plain_text', text: label },
    value: words,
    style: primary ? 'primary' : 'secondary',
  } as const;
}
