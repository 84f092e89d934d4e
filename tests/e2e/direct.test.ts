/** Direct mode: people of a workspace that is a Matrix server itself, in rooms of a real Synapse. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Person, Room } from '../workspace/index.ts';
import { checkLines } from './check-lines.ts';
import { DirectFederation } from './direct-federation.ts';
import { numbered } from './federation.ts';
import { Preset, type MatrixUser } from './homeserver/client.ts';

const PATIENCE = { timeout: 30_000 };

interface KeyDocument {
  readonly server_name?: string;
  readonly valid_until_ts?: number;
  readonly verify_keys?: Readonly<Record<string, { readonly key: string }>>;
  readonly signatures?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

describe('direct mode with a real Synapse', () => {
  let federation: DirectFederation;
  let alice: Person;
  let bob: MatrixUser;

  before(async () => {
    federation = await DirectFederation.start();
    alice = await federation.workspace.createUser('alice', { name: 'Alice of Tea' });
    bob = await federation.matrixUser('bob');
  });

  after(() => federation.close());

  test('the App is enabled, and reached by its name over TLS', async () => {
    assert.equal(await federation.app.enabled(), true);
    const { body } = await federation.ask('/_matrix/federation/v1/no%2Fsuch%20thing?a=%21');
    assert.match((body as { errcode: string }).errcode, /^M_/);
    const seen = await federation.proxy.expect('the request', ({ path }) => path.includes('such'));
    assert.equal(seen.path, '/_matrix/federation/v1/no%2Fsuch%20thing?a=%21');
  });

  test('what Matrix does not know is not recognized', async () => {
    const { status, body } = await federation.ask('/_matrix/federation/v1/no_such_thing');
    assert.deepEqual([status, (body as { errcode: string }).errcode], [404, 'M_UNRECOGNIZED']);
  });

  test('its keys are there for everybody, under its name and signed', async () => {
    const { status, body } = await federation.ask('/_matrix/key/v2/server');
    const document = body as KeyDocument;
    assert.deepEqual([status, document.server_name], [200, federation.ourName]);
    const ids = Object.keys(document.verify_keys ?? {});
    assert.ok(ids.length > 0 && ids.every((id) => id.startsWith('ed25519:')), JSON.stringify(body));
    assert.deepEqual(Object.keys(document.signatures?.[federation.ourName] ?? {}).sort(), ids.sort());
    assert.ok((document.valid_until_ts ?? 0) > Date.now());
  });

  test('it finds itself by its name, as others do', async () => {
    const { workspace } = federation;
    const lobby = await workspace.createChannel('lobby', { owner: workspace.admin });
    const lines = await checkLines(workspace, lobby);
    for (const name of [
      'Settings',
      'Runtime',
      'Listener',
      'Signing key',
      'Found by its name',
      'Clock',
      'Secret',
    ])
      assert.match(lines.get(name) ?? '', /^✅/, [...lines].join('\n'));
  });

  for (const version of ['10', '11', '12']) {
    describe(`an invitation into a room of version ${version}`, () => {
      let channel: Room;
      let room: string;

      before(async () => {
        channel = await federation.workspace.createChannel(`tea-${version}`, { members: [alice] });
        room = await bob.createRoom({ name: `Tea ${version}`, room_version: version });
        await bob.invite(room, federation.userId('alice'));
        await join(channel, room);
      });

      test('Synapse fetched our keys to check what we signed', async () => {
        await federation.proxy.expect(
          'a request for our keys that was answered',
          ({ method, path, status }) =>
            method === 'GET' && path.startsWith('/_matrix/key/v2/server') && status === 200,
        );
      });

      test('the room is of that version, and both sides are in it', async () => {
        const create = await bob.state(room, 'm.room.create');
        assert.equal(create?.['room_version'], version);
        const members = await bob.members(room);
        assert.equal(members.get(federation.userId('alice'))?.membership, 'join');
        await channel.expectMember(await federation.ghostOf(bob), PATIENCE);
      });

      test('what is said on Matrix arrives under the name of the one who said it, once and in order', async () => {
        const texts = numbered(`matrix ${version}`, 5);
        for (const text of texts) await bob.say(room, text);
        await channel.expectMessage(({ text }) => text === texts.at(-1), PATIENCE);
        const ghost = await federation.ghostOf(bob);
        const shown = channel.messages().filter(({ text }) => text.startsWith('matrix '));
        assert.deepEqual(
          shown.map(({ text, sender }) => [sender, text]),
          texts.map((text) => [ghost, text]),
        );
      });

      test('what is said on Rocket.Chat arrives at Synapse, once and in order', async () => {
        const texts = numbered(`rocket ${version}`, 5);
        for (const text of texts) await alice.say(channel, text);
        const last = await bob.expectMessage(room, texts.at(-1) ?? '', PATIENCE);
        assert.equal(last.sender, federation.userId('alice'));
        assert.deepEqual(await federation.heard(bob, room), texts);
      });
    });

    test(`a public room of version ${version} is joined without an invitation, by way of a server`, async () => {
      const channel = await federation.workspace.createChannel(`open-${version}`, { members: [alice] });
      const room = await bob.createRoom({ preset: Preset.PublicChat, room_version: version });
      await join(channel, room, federation.synapse.serverName);
      await bob.say(room, `open ${version}`);
      await channel.expectMessage(({ text }) => text === `open ${version}`, PATIENCE);
      await alice.say(channel, `opened ${version}`);
      await bob.expectMessage(room, `opened ${version}`, PATIENCE);
    });
  }

  /** Has alice join by a command in a channel of hers, and waits until Synapse says that she is in. */
  async function join(channel: Room, room: string, ...via: string[]): Promise<void> {
    const id = federation.userId('alice');
    await alice.command(channel, ['/federation join', room, ...via].join(' '));
    await bob
      .expectEvent(
        room,
        ({ type, stateKey, content }) =>
          type === 'm.room.member' && stateKey === id && content['membership'] === 'join',
        PATIENCE,
      )
      .catch((error: unknown) => {
        const told = alice.notices(channel).map(({ text }) => text);
        // The engine writes objects of its own into it.
        const log = federation.log().filter((line) => !line.startsWith('[object'));
        const known = ['Alice was told:', ...told, "The App's log:", ...log.slice(-20)];
        throw new Error(known.join('\n'), { cause: error });
      });
  }
});
