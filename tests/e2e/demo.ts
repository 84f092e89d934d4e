/**
 * The demo: the packed App between a Rocket.Chat workspace around the real Apps-Engine and a real Synapse, and a
 * conversation across. `./build.sh demo [--keep]`
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { BINARIES, PACKAGES } from '../workspace/engine/paths.ts';
import type { Person } from '../workspace/index.ts';
import { Federation, numbered, RECOVERY, type Portal, type Step } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';
import { matrix, Narrator, paint, rocketchat, seconds } from './narrator.ts';
import { ZIP } from './stage.ts';

const RUNTIME = 'deno';

/** So many each way, with a crash among them. */
const FLOOD = 20;

const keep = process.argv.includes('--keep');
const password = randomBytes(9).toString('base64url');
const narrator = new Narrator();

narrator.title('Matrix Federation: a conversation between Rocket.Chat and Matrix');
console.log(
  'Both sides are real: the Apps-Engine that Rocket.Chat runs, and Synapse with matrix-js-sdk as the client.',
);

// What the App writes into the server's own log comes by way of the engine.
const { error: complain } = console;
console.error = (...said: unknown[]): void => {
  const text = said.map(String).join(' ').trim();
  if (text.startsWith('Subprocess stderr')) narrator.aside(text.replace(/^Subprocess stderr\s*/, ''));
  else complain(text);
};

let federation: Federation | undefined;
try {
  federation = await Federation.start({ runtime: RUNTIME, progress });
  const alice = await federation.workspace.createUser('alice', { name: 'Alice' });
  const bob = await federation.matrixUser('bob', password);
  const portal = await meet(federation, alice, bob);
  await talk(federation, alice, bob, portal);
  await crash(federation, alice, bob, portal);
  summary(federation);
  if (keep) await stay(federation, alice, portal);
} catch (error) {
  console.error(
    `\n${paint('red', 'The demo failed:')} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  process.exitCode = 1;
} finally {
  await federation?.close();
}
process.exit();

async function progress(step: Step, at?: Federation): Promise<void> {
  switch (step) {
    case 'workspace':
      narrator.step(
        'A Rocket.Chat workspace is up.',
        `Apps-Engine ${await packageVersion('@rocket.chat/apps-engine')}, Apps run under ${await runtimeVersion()}`,
      );
      return;
    case 'installed':
      narrator.step(
        'The App is installed and enabled.',
        `${path.basename(ZIP)}, ${Math.round((await stat(ZIP)).size / 1024)} KB`,
      );
      return;
    case 'registered':
      narrator.step(
        'An administrator fills in the settings and asks for the registration.',
        `/federation registration → '${at?.registration.id ?? ''}' for ${at?.registration.url ?? ''} ${paint('dim', '(its tokens are secret)')}`,
      );
      return;
    case 'synapse':
      narrator.step(
        'A Synapse is up, with that registration installed.',
        `version ${await synapseVersion(at?.synapse.baseUrl ?? '')}, named ${at?.serverName ?? ''}`,
      );
      return;
    case 'connected':
      narrator.step(
        'The App and the homeserver have found each other.',
        'Each has asked the other, and got an answer.',
      );
  }
}

async function meet(at: Federation, alice: Person, bob: MatrixUser): Promise<Portal> {
  const command = `/federation invite ${bob.userId}`;
  const portal = await at.portal('tea-room', alice, bob);
  narrator.step(
    'A channel is federated and a Matrix user joins it.',
    `${paint('bold', 'alice')} in ${rocketchat('#tea-room')}: ${command}`,
    ...alice.notices(portal.channel).map(({ text }) => `${paint('dim', 'the App tells alice →')} ${text}`),
    `${paint('dim', "bob's client →")} an invitation to ${matrix('tea-room')}, which bob accepts`,
    `${paint('dim', 'members of the channel →')} ${portal.channel.members().join(', ')}`,
  );
  return portal;
}

async function talk(
  at: Federation,
  alice: Person,
  bob: MatrixUser,
  { channel, room }: Portal,
): Promise<void> {
  const greeting = 'Hello *bob*, you are _very_ welcome. Type `/help` when ~lost~ curious.';
  await alice.say(channel, greeting);
  const heard = await bob.expectMessage(room, /very/);
  assert.match(String(heard.content['formatted_body']), /<strong>bob<\/strong>/);
  narrator.step('alice says something; bob reads it in his Matrix client.');
  narrator.said('alice', rocketchat('#tea-room'), greeting);
  narrator.got("bob's client, sender", heard.sender);
  narrator.got("bob's client, text", String(heard.content['body']));
  narrator.got("bob's client, formatted", String(heard.content['formatted_body']));

  const html = 'Thank you, <strong>Alice</strong>! <em>Matrix</em> greets <code>Rocket.Chat</code>.';
  await bob.say(room, 'Thank you, Alice! Matrix greets Rocket.Chat.', { html });
  const shown = await channel.expectMessage(({ text }) => text.includes('greets'));
  narrator.step('bob answers; the channel shows it.');
  narrator.said('bob', matrix('tea-room'), html);
  narrator.got(
    'the channel, sender',
    `${shown.sender} (${at.workspace.user(shown.sender)?.doc().name ?? ''})`,
  );
  narrator.got('the channel, text', shown.text);
}

/** The App's process is killed while both sides talk. Everything arrives all the same, once and in order. */
async function crash(
  at: Federation,
  alice: Person,
  bob: MatrixUser,
  { channel, room }: Portal,
): Promise<void> {
  const { instance } = at;
  const before = instance.pid();
  const local = numbered('alice', FLOOD);
  const remote = numbered('bob', FLOOD);
  const aliceTalks = (async () => {
    for (const [index, text] of local.entries()) {
      await alice.say(channel, text);
      if (index === FLOOD / 2) await instance.killRuntime();
    }
  })();
  const bobTalks = (async () => {
    for (const text of remote) await bob.say(room, text);
  })();
  await Promise.all([aliceTalks, bobTalks]);
  await bob.expectMessage(room, local.at(-1) ?? '', RECOVERY);
  const by = (name: string) => (text: string) => text.startsWith(`${name} `);
  const shown = (): string[] =>
    channel
      .messages()
      .map(({ text }) => text)
      .filter(by('bob'));
  const late = await at.shown({ channel, room }, bob, remote);
  const heard = (await at.heard(bob, room)).filter(by('alice'));
  assert.deepEqual(heard, local, 'bob has read all that alice said, once and in order');
  const punctual = (text: string): boolean => !late.includes(text);
  assert.deepEqual(
    shown().filter(punctual),
    remote.filter(punctual),
    'the channel shows what bob said in order',
  );
  assert.deepEqual(shown().sort(), [...remote].sort(), 'the channel shows all that bob said, once');
  narrator.step(
    "The App's process is killed while both talk; nothing is lost.",
    `killed: process ${before ?? ''}; the engine started ${instance.pid() ?? ''}`,
    `alice said ${FLOOD}, bob's client has ${heard.length}; bob said ${FLOOD}, the channel has ${shown().length}`,
    late.length === 0
      ? 'none lost, none doubled, all in order'
      : `none lost, none doubled; Synapse itself had forgotten to send ${late.join(', ')} and sent it later`,
  );
}

function summary(at: Federation): void {
  const { workspace } = at;
  const rooms = workspace.rooms().map((room) => room.messages().length);
  narrator.title(
    `It works. ${narrator.total} in all, ${rooms.reduce((sum, count) => sum + count, 0)} messages.`,
  );
  for (const { what, ms } of narrator.times) console.log(`   ${seconds(ms).padStart(7)}  ${what}`);
}

/** Stays until Ctrl-C; what is typed here, alice says. */
async function stay(at: Federation, alice: Person, { channel, room }: Portal): Promise<void> {
  narrator.title('Both keep running. Ctrl-C ends them and removes their data.');
  console.log(`   Matrix homeserver     ${at.synapse.baseUrl}   (name: ${at.serverName})`);
  console.log(
    `   Log in there as       bob, password ${password}, with any Matrix client; the room is ${room}`,
  );
  console.log(`   Rocket.Chat endpoint  ${at.app.url()}`);
  console.log(`   The App listens at    ${at.listenerUrl}`);
  console.log(
    `   ${paint('bold', 'Type a line and Enter')}: alice says it in #tea-room. What others say is shown here.\n`,
  );
  const known = new Set(channel.messages().map(({ id }) => id));
  const show = (): undefined => {
    for (const { id, sender, text } of channel.messages()) {
      if (known.has(id)) continue;
      known.add(id);
      console.log(`   ${rocketchat('#tea-room')} ${paint('bold', sender)}: ${text}`);
    }
  };
  createInterface({ input: process.stdin }).on('line', (line) => {
    if (line.trim() !== '')
      alice.say(channel, line).catch((error: unknown) => {
        console.error(String(error));
      });
  });
  // Asked after every change in the workspace, and never satisfied.
  await at.workspace.until('Ctrl-C', show, { timeout: 2 ** 31 - 1 });
}

async function packageVersion(name: string): Promise<string> {
  const manifest = await readFile(path.join(PACKAGES, name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function runtimeVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)(BINARIES[RUNTIME], ['--version']);
  const [, version = ''] = /(\d+\.\d+\.\d+)/.exec(stdout) ?? [];
  return `Deno ${version}`;
}

async function synapseVersion(baseUrl: string): Promise<string> {
  const answer = await fetch(`${baseUrl}/_matrix/federation/v1/version`);
  const { server } = (await answer.json()) as { server: { version: string } };
  return server.version.replace(/ .*/, '');
}
