/** An App's documents, with MongoDB's habits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBE_ID, packProbe, run } from './probe/probe.ts';
import { scene } from './probe/setting.ts';

const RECORDS = `
  const { RocketChatAssociationModel: Model, RocketChatAssociationRecord: Record } = require('@rocket.chat/apps-engine/definition/metadata');
  const a = new Record(Model.MISC, 'a'), b = new Record(Model.MISC, 'b'), c = new Record(Model.ROOM, 'a');
  const stored = read.getPersistenceReader();`;

test('a read returns every document that has all the given associations', async (t) => {
  const { app } = await scene(t);
  const found = await run(
    app,
    `${RECORDS}
    await persis.createWithAssociations({ n: 1 }, [a, b]);
    await persis.createWithAssociations({ n: 2 }, [b, a, c]);
    await persis.createWithAssociation({ n: 3 }, a);
    const id = await persis.create({ n: 4 });
    const ns = async (...wanted) => (await stored.readByAssociations(wanted)).map(({ n }) => n);
    return [await ns(a), await ns(a, b), await ns(b, a), await ns(c), await ns(), (await stored.read(id)).n];`,
  );
  assert.deepEqual(found, [[1, 2, 3], [1, 2], [1, 2], [2], [1, 2, 3, 4], 4]);
});

test('an update wants the very same array; another order makes another document', async (t) => {
  const { app, ws } = await scene(t);
  await run(
    app,
    `${RECORDS}
    await persis.updateByAssociations([a, b], { n: 1 }, true);
    await persis.updateByAssociations([a, b], { n: 2 }, true);
    await persis.updateByAssociations([b, a], { n: 3 }, true);
    await persis.updateByAssociations([a], { n: 4 }, false);`,
  );
  assert.deepEqual(
    ws.persistence(PROBE_ID).map(({ data }) => data),
    [{ n: 2 }, { n: 3 }],
  );
});

test('two upserts at once make two documents', async (t) => {
  const { app, ws } = await scene(
    t,
    {},
    { latency: () => new Promise((resolve) => setTimeout(resolve, 20)) },
  );
  await run(
    app,
    `${RECORDS} await Promise.all([1, 2].map((n) => persis.updateByAssociations([a], { n }, true)));`,
  );
  assert.equal(ws.persistence(PROBE_ID).length, 2);
});

test('a removal takes all that match, and answers them', async (t) => {
  const { app, ws } = await scene(t);
  const gone = await run(
    app,
    `${RECORDS}
    for (const [n, on] of [[1, [a]], [2, [a, b]], [3, [b]]]) await persis.createWithAssociations({ n }, on);
    const id = await persis.create({ n: 4 });
    return [await persis.removeByAssociation(a), await persis.remove(id), (await persis.remove('none')) ?? null];`,
  );
  assert.deepEqual(gone, [[{ n: 1 }, { n: 2 }], { n: 4 }, null]);
  assert.deepEqual(
    ws.persistence(PROBE_ID).map(({ data }) => data),
    [{ n: 3 }],
  );
});

test('keys with $ or a dot are refused, an update by id does not exist', async (t) => {
  const { app, ws } = await scene(t);
  await assert.rejects(run(app, 'await persis.create({ deep: [{ $set: 1 }] })'), /must not start with '\$'/);
  await assert.rejects(run(app, "await persis.create({ deep: { 'a.b': 1 } })"), /must not contain '\.'/);
  await assert.rejects(
    run(app, `${RECORDS} await persis.updateByAssociation(a, { 'a.b': 1 }, true)`),
    /must not contain '\.'/,
  );
  await assert.rejects(run(app, "await persis.update('x', { n: 1 }, true)"), /Not implemented/);
  await assert.rejects(run(app, "await persis.create('text')"), /must be an object/);
  assert.equal(ws.persistence(PROBE_ID).length, 0);
});

test('documents are copies: what an App does to one afterwards stays with it', async (t) => {
  const { app, ws } = await scene(t);
  await run(
    app,
    `${RECORDS} const data = { when: new Date(0), n: 1 }; await persis.createWithAssociation(data, a); data.n = 2; (await stored.readByAssociation(a))[0].n = 3;`,
  );
  assert.deepEqual(ws.persistence(PROBE_ID)[0]?.data, { when: new Date(0), n: 1 });
});

test("documents outlive the App's subprocess and the server, and are seen by every instance", async (t) => {
  const { app, ws, instance } = await scene(t);
  await run(app, `${RECORDS} await persis.createWithAssociation({ kept: true }, a)`);
  const reading = `${RECORDS} return stored.readByAssociation(a)`;
  await instance.killRuntime();
  await instance.runtimeRestarted();
  assert.deepEqual(await run(app, reading), [{ kept: true }]);
  const other = await ws.startInstance();
  assert.deepEqual(await run(app, reading, other), [{ kept: true }]);
  await instance.stop();
  assert.deepEqual(await run(other.app(app.id), reading), [{ kept: true }]);
});

test("one App's documents are not another's", async (t) => {
  const { app, instance } = await scene(t);
  const second = await instance.install(
    packProbe({ id: '5c1d5c6e-0000-4000-8000-000000000002', slug: 'second' }),
  );
  await run(app, `${RECORDS} await persis.createWithAssociation({ mine: true }, a)`);
  assert.deepEqual(await run(second, `${RECORDS} return stored.readByAssociation(a)`), []);
});

test('a database that takes nothing more says so, and gives what it has', async (t) => {
  const { app, ws } = await scene(t);
  await run(app, `${RECORDS} await persis.createWithAssociations({ n: 1 }, [a]);`);
  ws.database.persistence.full = 'no space left';
  const found = await run(
    app,
    `${RECORDS}
    const refused = await persis.createWithAssociations({ n: 2 }, [a]).then(() => 'taken', (error) => error.message ?? String(error));
    return [refused, (await stored.readByAssociation(a)).length];`,
  );
  assert.match(String((found as unknown[])[0]), /no space left/);
  assert.equal((found as unknown[])[1], 1);
});
