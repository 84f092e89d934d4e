/** Rocket.Chat's records as facts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { messageFact, rawMessageFact } from '../../app/inputs/message.ts';
import { endpointRequest } from '../../app/inputs/request.ts';
import { roomFact } from '../../app/inputs/room.ts';
import { unknownUser, userFact } from '../../app/inputs/user.ts';

const alice = { id: 'a', username: 'alice', name: 'Alice', type: 'user', roles: ['admin'], isEnabled: false };
const md = [{ type: 'PARAGRAPH', value: [{ type: 'PLAIN_TEXT', value: 'hello' }] }];

/** The definitions promise more than records have. */
const message = (more: object) =>
  messageFact({
    id: 'm',
    room: { id: 'r' },
    sender: alice,
    text: 'hello',
    createdAt: new Date(1000),
    ...more,
  } as never);

test('a message in full', () => {
  assert.deepEqual(message({ _unmappedProperties_: { md }, editedAt: new Date(2000) }), {
    id: 'm',
    room: 'r',
    sender: {
      id: 'a',
      username: 'alice',
      name: 'Alice',
      kind: 'user',
      roles: ['admin'],
      active: false,
      madeByUs: false,
    },
    text: 'hello',
    md: JSON.stringify(md),
    at: 1000,
    editedAt: 2000,
    system: null,
    files: [],
    direct: false,
    thread: null,
    quotes: [],
    reactions: [],
    attachments: null,
    blocks: null,
  });
});

test('what an App shows: its cards and blocks, neither quotes nor files among them', () => {
  const card = { title: { value: 'Build 7' }, timestamp: new Date(NaN) };
  const { attachments, blocks } = message({
    attachments: [
      card,
      { text: 'said', timestampLink: 'http://x/channel/y?msg=z' },
      { type: 'file', title: { value: 'cat.png' } },
      { imageUrl: '/file-upload/1/cat.png', _unmappedProperties_: { fileId: '1' } },
    ],
    blocks: [{ type: 'divider' }],
  });
  assert.deepEqual(JSON.parse(String(attachments)), [{ title: { value: 'Build 7' }, timestamp: null }]);
  assert.deepEqual(JSON.parse(String(blocks)), [{ type: 'divider' }]);
  const bare = message({ attachments: [], blocks: [] });
  assert.deepEqual([bare.attachments, bare.blocks], [null, null]);
});

test('what a message quotes, its thread, and how people reacted', () => {
  const { thread, quotes, reactions } = message({
    threadId: 'root',
    attachments: [
      { text: 'said', timestampLink: 'http://x/channel/y?msg=z', author: { name: 'bob' } },
      { text: 'no quote', author: { name: 'bob' } },
      { timestampLink: 'http://x/channel/y?msg=w' },
    ],
    reactions: { ':eyes:': { usernames: ['alice', 'bob'] }, ':odd:': {} },
  });
  assert.equal(thread, 'root');
  assert.deepEqual(quotes, [
    { link: 'http://x/channel/y?msg=z', author: 'bob', text: 'said' },
    { link: 'http://x/channel/y?msg=w', author: '', text: '' },
  ]);
  assert.deepEqual(reactions, [
    { emoji: ':eyes:', users: ['alice', 'bob'] },
    { emoji: ':odd:', users: [] },
  ]);
});

test('a message in a direct message says so', () => {
  assert.equal(message({ room: { id: 'r', type: 'd' } }).direct, true);
});

test('a message with next to nothing', () => {
  const bare = message({ text: undefined, createdAt: '1970-01-01T00:00:01Z' });
  assert.deepEqual([bare.text, bare.md, bare.at, bare.editedAt], ['', null, 1000, null]);
  assert.equal(message({ createdAt: 'never' }).at, 0);
  assert.equal(message({ _unmappedProperties_: null }).md, null);
});

test('a system message tells its type, wherever the server puts it', () => {
  assert.equal(message({ type: 'uj' }).system, 'uj');
  assert.equal(message({ _unmappedProperties_: { t: 'r' } }).system, 'r');
});

test('files, each with the smaller picture that Rocket.Chat makes of it', () => {
  const file = { _id: '1', name: 'a.png', type: 'image/png', size: 7 };
  const fact = { id: '1', name: 'a.png', mediaType: 'image/png', size: 7, thumbnail: null };
  assert.deepEqual(message({ file }).files, [fact]);
  const preview = { _id: '2', name: 'thumb-a.png', type: 'image/png', size: 1 };
  const other = { _id: '3', name: 'thumb-b.pdf', type: 'application/pdf' };
  const files = [file, preview, other, {}];
  const attachments = [
    { description: '_look_', _unmappedProperties_: { fileId: '3', size: 9, descriptionMd: [1] } },
  ];
  const told = message({ text: '', file, attachments, _unmappedProperties_: { files } });
  const thumbnail = { id: '2', name: 'thumb-a.png', mediaType: 'image/png', size: 1, thumbnail: null };
  assert.deepEqual(told.files, [
    { ...fact, thumbnail },
    { id: '3', name: 'thumb-b.pdf', mediaType: 'application/pdf', size: 9, thumbnail: null },
  ]);
  // As newer servers mark them.
  const marked = [file, { ...preview, name: 'small.png', typeGroup: 'thumb' }];
  assert.equal(message({ _unmappedProperties_: { files: marked } }).files[0]?.thumbnail?.name, 'small.png');
  // As servers before 8 keep a caption.
  assert.deepEqual([told.text, told.md], ['_look_', '[1]']);
  assert.equal(message({ text: 'said', file, attachments }).text, 'said');
});

test('a message as a read of a room gives it', () => {
  const raw = {
    id: 'm',
    roomId: 'r',
    sender: { _id: 'b', username: 'bob' },
    createdAt: new Date(1),
    text: 'x',
  };
  const fact = rawMessageFact({ ...raw, _unmappedProperties_: { md } } as never, unknownUser('b', 'bob', ''));
  assert.deepEqual([fact.room, fact.sender.kind, fact.md], ['r', 'other', JSON.stringify(md)]);
});

test('users of every kind', () => {
  const kinds = ['user', 'bot', 'app', 'unknown', undefined];
  assert.deepEqual(
    kinds.map((type) => userFact({ id: 'x', type } as never).kind),
    ['user', 'bot', 'app', 'other', 'other'],
  );
  assert.deepEqual(userFact({ id: 'x' }), {
    id: 'x',
    username: '',
    name: '',
    kind: 'other',
    roles: [],
    active: true,
    madeByUs: false,
  });
  const ghost = { id: 'x', appId: 'd687dc95-f49b-44ca-8072-9e8140f3c48c' };
  assert.equal(userFact(ghost).madeByUs, true);
});

test('rooms of every kind', () => {
  const room = (more: object) => roomFact({ id: 'r', type: 'c', slugifiedName: 'slug', ...more } as never);
  assert.deepEqual(room({ displayName: 'Name' }), {
    id: 'r',
    name: 'Name',
    kind: 'channel',
    encrypted: false,
  });
  assert.equal(room({ displayName: '' }).name, 'slug');
  assert.deepEqual(
    ['c', 'p', 'd', 'l', undefined].map((type) => room({ type }).kind),
    ['channel', 'group', 'direct', 'other', 'other'],
  );
  assert.equal(room({ _unmappedProperties_: { encrypted: true } }).encrypted, true);
  assert.equal(roomFact({ id: 'd', type: 'd' as never }).name, '');
});

test("what an engine's endpoint got is written anew", () => {
  const request = {
    method: 'put',
    headers: { authorization: 'Bearer x' },
    query: { a: 'b c' },
    params: { txnId: 'x/1' },
    content: { events: [1] },
  };
  const arrived = endpointRequest('_matrix/app/v1/transactions/:txnId', request as never);
  assert.equal(new TextDecoder().decode(arrived.body), '{"events":[1]}');
  assert.deepEqual(
    [arrived.method, arrived.uri, arrived.authorization],
    ['PUT', '/_matrix/app/v1/transactions/x%2F1?a=b+c', ['Bearer x']],
  );
  const get = endpointRequest('x', {
    method: 'get',
    headers: {},
    query: {},
    params: {},
    content: {},
  } as never);
  assert.deepEqual([get.uri, get.authorization, get.body.length], ['/x', [], 0]);
});
