/**
 * An App's documents, with MongoDB's habits.
 *
 * There is no unique index: an upsert looks first and inserts later, so two at once make two documents.
 * A read by associations wants all of them in any order; an update wants the very same array.
 */
import type { PersistenceDoc } from './records.ts';
import type { Site } from './site.ts';

export type Association = { model: string; id: string };

export async function insertRecord(
  { db }: Site,
  appId: string,
  data: object,
  given?: unknown,
): Promise<string> {
  checkData(data);
  const associations = given === undefined ? undefined : list(given);
  return (await db.persistence.insert({ appId, ...(associations && { associations }), data }))._id;
}

/** As on a server: the record of another App is found too, for only the id is asked about. */
export async function readRecord({ db }: Site, id: string): Promise<object> {
  const record = await db.persistence.byId(id);
  if (record === undefined) throw new TypeError("Cannot read properties of null (reading 'data')");
  return record.data;
}

export async function readRecords({ db }: Site, appId: string, given: unknown): Promise<object[]> {
  return (await db.persistence.find(having(appId, list(given)))).map(({ data }) => data);
}

export async function removeRecord({ db }: Site, appId: string, id: string): Promise<object | undefined> {
  const record = await db.persistence.one((doc) => doc._id === id && doc.appId === appId);
  if (record === undefined) return undefined;
  await db.persistence.remove(({ _id }) => _id === id);
  return record.data;
}

export async function removeRecords({ db }: Site, appId: string, given: unknown): Promise<object[]> {
  const match = having(appId, list(given));
  const records = await db.persistence.find(match);
  await db.persistence.remove(match);
  return records.map(({ data }) => data);
}

export async function updateRecords(
  { db }: Site,
  appId: string,
  given: unknown,
  data: object,
  upsert: boolean,
): Promise<string> {
  checkData(data);
  const associations = list(given);
  const record = await db.persistence.one(
    (doc) => doc.appId === appId && JSON.stringify(doc.associations) === JSON.stringify(associations),
  );
  if (record !== undefined) {
    await db.persistence.set(record._id, { data });
    return record._id;
  }
  return upsert ? (await db.persistence.insert({ appId, associations, data }))._id : '';
}

/** In one field order: MongoDB compares embedded documents field by field, in order. */
function list(given: unknown): Association[] {
  const all = (Array.isArray(given) ? given : [given]) as Association[];
  return all.map(({ model, id }) => ({ model, id }));
}

function having(appId: string, wanted: Association[]): (doc: PersistenceDoc) => boolean {
  return (doc) =>
    doc.appId === appId &&
    wanted.every(
      ({ model, id }) => doc.associations?.some((one) => one.model === model && one.id === id) === true,
    );
}

function checkData(data: unknown): void {
  if (typeof data !== 'object')
    throw new Error('Attempted to store an invalid data type, it must be an object.');
  checkKeys(data);
}

/** MongoDB's old rule, and still that of many servers: neither `$` first nor a dot anywhere. */
function checkKeys(value: unknown): void {
  if (Array.isArray(value)) value.forEach(checkKeys);
  else if (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Date) &&
    !ArrayBuffer.isView(value)
  )
    for (const [key, inner] of Object.entries(value)) {
      if (key.startsWith('$')) throw new Error(`key ${key} must not start with '$'`);
      if (key.includes('.')) throw new Error(`key ${key} must not contain '.'`);
      checkKeys(inner);
    }
}
