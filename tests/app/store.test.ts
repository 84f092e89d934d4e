/** The store over stand-ins for the engine's persistence. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Accessors } from '../../app/host/accessors.ts';
import { Store } from '../../app/host/store.ts';

interface Association {
  getID(): string;
}

/** `perRemoval`: how many records a removal takes; older servers take one. */
function persistence(perRemoval = Infinity) {
  const records: { data: object; ids: string[] }[] = [];
  const having = (id: string) => records.filter(({ ids }) => ids.includes(id));
  let removals = 0;
  return {
    records,
    removals: () => removals,
    createWithAssociations: (data: object, associations: Association[]) => {
      records.push({ data, ids: associations.map((one) => one.getID()) });
      return Promise.resolve('record');
    },
    removeByAssociation: (association: Association) => {
      removals++;
      const found = having(association.getID());
      for (const record of found.slice(0, perRemoval)) records.splice(records.indexOf(record), 1);
      return Promise.resolve(found.map(({ data }) => data));
    },
    readByAssociation: (association: Association) =>
      Promise.resolve(having(association.getID()).map(({ data }) => data)),
  };
}

function storeOver(fake: ReturnType<typeof persistence>): Store {
  return new Store(
    () => fake as never,
    () => Promise.resolve({ persistence: fake as never }),
  );
}

test('a document is found by its own id and by each association', async () => {
  const fake = persistence();
  const store = storeOver(fake);
  await store.insert({ id: 'a', associations: ['room:1', 'event:2'], body: '{"$.":1}' });
  for (const name of ['a', 'room:1', 'event:2']) assert.deepEqual(await store.bodies(name), ['{"$.":1}']);
  assert.deepEqual(fake.records[0]?.ids, ['a', 'room:1', 'event:2']);
  assert.deepEqual(fake.records[0].data, { body: '{"$.":1}' });
});

for (const perRemoval of [1, Infinity]) {
  test(`removal leaves none, where the server takes ${perRemoval} a call`, async () => {
    const fake = persistence(perRemoval);
    const store = storeOver(fake);
    for (let times = 0; times < 3; times++) await store.insert({ id: 'a', associations: ['x'], body: '1' });
    await store.insert({ id: 'b', associations: ['x'], body: '2' });
    await store.remove('a');
    assert.deepEqual(await store.bodies('x'), ['2']);
    // A second look where one would have done: nothing tells the two servers apart.
    assert.equal(fake.removals(), perRemoval === 1 ? 3 : 2);
    await store.remove('never there');
  });
}

test('a missing permission is an error, not silence', async () => {
  const fake = { ...persistence(), createWithAssociations: () => Promise.resolve(null as never) };
  await assert.rejects(
    storeOver(fake).insert({ id: 'a', associations: [], body: '' }),
    /does not let the App store/,
  );
});

/** Like the engine's in 1.62: it has every method one asks for, `then` included. */
const everything = new Proxy({}, { get: () => () => new Promise(() => undefined) });

test('persistence is had before any hook, and its endless methods do no harm', async () => {
  const http = {
    get: (url: string) => accessors.handler.executePreHttpRequest(url, {}, {} as never, everything as never),
  };
  const accessors = new Accessors({} as never, http as never);
  const { persistence: had } = await accessors.storing();
  assert.equal(had, everything);
  assert.equal(accessors.complete, false);
});

test('nothing but its own question is kept from the network', async () => {
  const accessors = new Accessors({} as never, {} as never);
  const request = { headers: {} };
  const passed = await accessors.handler.executePreHttpRequest(
    'https://example.org/',
    request,
    {} as never,
    everything as never,
  );
  assert.equal(passed, request);
});
