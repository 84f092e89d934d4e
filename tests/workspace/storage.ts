/** Where the engine keeps the installed Apps, their packages and their logs: in the workspace, shared by all instances. */
import type { IAppStorageItem } from '@rocket.chat/apps-engine/server/storage/index.js';
import type { ILoggerStorageEntry } from '@rocket.chat/apps-engine/server/logging/index.js';
import type { Engine } from './engine/load.ts';
import { objectId } from './ids.ts';
import type { Workspace } from './workspace.ts';

/** What the workspace keeps of installed Apps. */
export interface AppShelf {
  items: Map<string, IAppStorageItem>;
  zips: Map<string, Buffer>;
  logs: ILoggerStorageEntry[];
}

export function storages(engine: Engine, ws: Workspace, logged: (entry: ILoggerStorageEntry) => void) {
  return {
    metadataStorage: metadata(engine, ws),
    logStorage: logs(engine, ws, logged),
    sourceStorage: sources(engine, ws),
  };
}

function metadata(engine: Engine, { shelf: { items }, changes }: Workspace) {
  const copy = <T>(item: T): T => structuredClone(item);
  const byKey = (key: string): IAppStorageItem | undefined =>
    [...items.values()].find(({ _id, id }) => _id === key || id === key);
  const change = (key: string, fields: Partial<IAppStorageItem>): boolean => {
    const item = byKey(key);
    if (item === undefined) return false;
    Object.assign(item, copy(fields), { updatedAt: new Date() });
    changes.touch();
    return true;
  };
  return new (class extends engine.AppMetadataStorage {
    constructor() {
      super('mongodb');
    }
    create(item: IAppStorageItem): Promise<IAppStorageItem> {
      if (items.has(item.id)) return Promise.reject(new Error('App already exists.'));
      const kept = { ...copy(item), _id: objectId(), createdAt: new Date(), updatedAt: new Date() };
      items.set(item.id, kept);
      return Promise.resolve(copy(kept));
    }
    retrieveOne(id: string): Promise<IAppStorageItem | null> {
      const item = byKey(id);
      return Promise.resolve(item === undefined ? null : copy(item));
    }
    retrieveAll(): Promise<Map<string, IAppStorageItem>> {
      return Promise.resolve(new Map([...items].map(([id, item]) => [id, copy(item)])));
    }
    retrieveAllPrivate(): Promise<Map<string, IAppStorageItem>> {
      return this.retrieveAll();
    }
    remove(id: string): Promise<{ success: boolean }> {
      return Promise.resolve({ success: items.delete(id) });
    }
    updatePartialAndReturnDocument(
      given: Partial<IAppStorageItem>,
      options?: { unsetPermissionsGranted?: boolean },
    ): Promise<IAppStorageItem> {
      const item = byKey(given._id ?? given.id ?? '');
      if (item === undefined) return Promise.reject(new Error('App not found.'));
      change(item.id, given);
      if (options?.unsetPermissionsGranted === true) delete item.permissionsGranted;
      return Promise.resolve(copy(item));
    }
    updateStatus(key: string, status: IAppStorageItem['status']): Promise<boolean> {
      return Promise.resolve(change(key, { status }));
    }
    updateSetting(key: string, setting: IAppStorageItem['settings'][string]): Promise<boolean> {
      const item = byKey(key);
      return Promise.resolve(
        item !== undefined && change(key, { settings: { ...item.settings, [setting.id]: setting } }),
      );
    }
    updateAppInfo(key: string, info: IAppStorageItem['info']): Promise<boolean> {
      return Promise.resolve(change(key, { info }));
    }
    updateMarketplaceInfo(
      key: string,
      marketplaceInfo: NonNullable<IAppStorageItem['marketplaceInfo']>,
    ): Promise<boolean> {
      return Promise.resolve(change(key, { marketplaceInfo }));
    }
  })();
}

function logs(engine: Engine, { shelf, changes }: Workspace, logged: (entry: ILoggerStorageEntry) => void) {
  return new (class extends engine.AppLogStorage {
    constructor() {
      super('mongodb');
    }
    findPaginated(query: Record<string, unknown>): Promise<{ logs: ILoggerStorageEntry[]; total: number }> {
      const found = shelf.logs.filter(
        ({ appId }) => query['appId'] === undefined || appId === query['appId'],
      );
      return Promise.resolve({ logs: found, total: found.length });
    }
    storeEntries(entry: ILoggerStorageEntry): Promise<ILoggerStorageEntry> {
      shelf.logs.push(entry);
      changes.touch();
      logged(entry);
      return Promise.resolve(entry);
    }
    getEntriesFor(id: string): Promise<ILoggerStorageEntry[]> {
      return Promise.resolve(shelf.logs.filter(({ appId }) => appId === id));
    }
    removeEntriesFor(id: string): Promise<void> {
      shelf.logs = shelf.logs.filter(({ appId }) => appId !== id);
      return Promise.resolve();
    }
  })();
}

function sources(engine: Engine, { shelf: { zips } }: Workspace) {
  const keep = (item: IAppStorageItem, zip: Buffer): Promise<string> => {
    zips.set(item.id, zip);
    return Promise.resolve(`GridFS:/${item.id}`);
  };
  return new (class extends engine.AppSourceStorage {
    store = keep;
    update = keep;
    fetch(item: IAppStorageItem): Promise<Buffer> {
      const zip = zips.get(item.id);
      return zip === undefined
        ? Promise.reject(new Error(`Failed to fetch the package of ${item.id}`))
        : Promise.resolve(zip);
    }
    remove(item: IAppStorageItem): Promise<void> {
      zips.delete(item.id);
      return Promise.resolve();
    }
  })();
}
