/**
 * npm's `@rocket.chat/federation-sdk`, which is only run here: its services over a database that is not there, with
 * the one event, the room's version and the public key put in. `sdk.ts SCENE` prints JSON.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { best, bestOf } from './clock.ts';
import type { Scene } from './scene.ts';

interface Persistent {
  getReferenceHash(): unknown;
  event: { signatures: Record<string, Record<string, string>> };
}

interface Services {
  setConfig(config: object): void;
  stateService: {
    eventRepository: { findById(): Promise<{ event: unknown }> };
    getRoomVersion(): Promise<string>;
    getEvent(id: string): Promise<Persistent>;
    signEvent(event: Persistent): Promise<Persistent>;
  };
  eventService: {
    serverService: { getPublicKey(): Promise<string> };
    validateEvent(event: unknown): Promise<void>;
  };
}

const scene = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Scene;
const seed = Buffer.from(scene.seed, 'hex').toString('base64');
const { federationSDK: sdk } = createRequire(import.meta.url)('@rocket.chat/federation-sdk') as {
  federationSDK: Services;
};
sdk.setConfig({
  instanceId: 'bench',
  serverName: scene.server,
  port: 80,
  version: '1',
  matrixDomain: scene.server,
  keyRefreshInterval: 1,
  signingKey: `ed25519 1 ${seed}`,
  signingKeyPath: 'none',
  media: {
    maxFileSize: 1,
    allowedMimeTypes: [],
    enableThumbnails: false,
    rateLimits: { uploadPerMinute: 1, downloadPerMinute: 1 },
  },
  invite: { allowedEncryptedRooms: true, allowedNonPrivateRooms: true },
  edu: { processTyping: true, processPresence: true },
});
let stored: unknown;
Object.assign(sdk.stateService, {
  eventRepository: { findById: () => Promise.resolve({ event: stored }) },
  getRoomVersion: () => Promise.resolve('11'),
});
Object.assign(sdk.eventService, {
  serverService: { getPublicKey: () => Promise.resolve(scene.key) },
  stateService: sdk.stateService,
});

const operations: Record<string, Record<string, number>> = {};
const put = (operation: string, sample: string, figure: number): void => {
  (operations[operation] ??= {})[sample] = figure;
};

for (const { name, bare, signed, signature } of scene.samples) {
  const sign = async (): Promise<Persistent> => {
    stored = JSON.parse(bare);
    return sdk.stateService.signEvent(await sdk.stateService.getEvent(''));
  };
  if ((await sign()).event.signatures[scene.server]?.['ed25519:1'] !== signature) {
    throw new Error('the SDK signs otherwise');
  }
  put('sign', name, await bestOf(sign, 60));
  put('verify', name, await bestOf(() => sdk.eventService.validateEvent(JSON.parse(signed)), 60));
  stored = JSON.parse(signed);
  const event = await sdk.stateService.getEvent('');
  // It remembers the id, but not the hash that the id is.
  put(
    'eventId',
    name,
    best(() => event.getReferenceHash()),
  );
}
console.log(JSON.stringify({ operations }));
process.exit(0);
