/** The scene most tests play in: one instance, the probe, two people and their room. */
import type { TestContext } from 'node:test';
import {
  Workspace,
  type InstalledApp,
  type Instance,
  type Person,
  type Room,
  type WorkspaceOptions,
} from '../index.ts';
import { packProbe, type ProbeOptions } from './probe.ts';

export interface Scene {
  ws: Workspace;
  instance: Instance;
  app: InstalledApp;
  alice: Person;
  bob: Person;
  room: Room;
}

export async function scene(
  t: Pick<TestContext, 'after'>,
  probe: ProbeOptions = {},
  options: WorkspaceOptions = {},
): Promise<Scene> {
  const ws = await Workspace.create(options);
  t.after(() => ws.close());
  const alice = await ws.createUser('alice');
  const bob = await ws.createUser('bob');
  const room = await ws.createChannel('general', { members: [alice, bob] });
  const instance = await ws.startInstance();
  return { ws, instance, app: await instance.install(packProbe(probe)), alice, bob, room };
}

/** Code that posts into a room as someone: `fields` is laid over the message the App hands in. */
export function posting(room: Room, sender: { id: string } | undefined, text: string, fields = '{}'): string {
  return `
    const creator = modify.getCreator();
    const room = await read.getRoomReader().getById('${room.id}');
    const message = { room, text: ${JSON.stringify(text)} };
    ${sender === undefined ? '' : `message.sender = await read.getUserReader().getById('${sender.id}');`}
    const builder = creator.startMessage(Object.assign(message, ${fields}));
    return creator.finish(builder);`;
}

/** Code that makes a bot; answers its id. */
export function makingBot(username: string, fields = '{}'): string {
  return `
    const creator = modify.getCreator();
    const given = ${fields};
    const builder = creator.startBotUser(Object.assign({ username: '${username}', name: '${username}', roles: ['bot'], isEnabled: true, status: 'online' }, given));
    return creator.finish(builder);`;
}
