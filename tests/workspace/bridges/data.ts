/** The bridges to what is stored: persistence, uploads, roles, settings, environment. */
import type { IRole } from '@rocket.chat/apps-engine/definition/roles/index.js';
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings/index.js';
import type { IUpload } from '@rocket.chat/apps-engine/definition/uploads/index.js';
import type { IUploadDetails } from '@rocket.chat/apps-engine/definition/uploads/IUploadDetails.js';
import { uploadToApp } from '../convert/uploads.ts';
import * as records from '../persistence.ts';
import { upload } from '../uploads.ts';
import type { Seat } from './seat.ts';

export function persistenceBridge({ engine, site }: Seat) {
  return new (class extends engine.bridges.PersistenceBridge {
    override async purge(appId: string): Promise<void> {
      await site.db.persistence.remove((record) => record.appId === appId);
    }
    protected create(data: object, appId: string): Promise<string> {
      return records.insertRecord(site, appId, data);
    }
    protected createWithAssociations(data: object, associations: unknown, appId: string): Promise<string> {
      return records.insertRecord(site, appId, data, associations);
    }
    protected readById(id: string): Promise<object> {
      return records.readRecord(site, id);
    }
    protected readByAssociations(associations: unknown, appId: string): Promise<object[]> {
      return records.readRecords(site, appId, associations);
    }
    protected remove(id: string, appId: string): Promise<object | undefined> {
      return records.removeRecord(site, appId, id);
    }
    protected removeByAssociations(associations: unknown, appId: string): Promise<object[]> {
      return records.removeRecords(site, appId, associations);
    }
    protected update(): Promise<string> {
      return Promise.reject(new Error('Not implemented.'));
    }
    protected updateByAssociations(
      associations: unknown,
      data: object,
      upsert: boolean,
      appId: string,
    ): Promise<string> {
      return records.updateRecords(site, appId, associations, data, upsert);
    }
  })();
}

export function uploadBridge({ engine, site }: Seat) {
  return new (class extends engine.bridges.UploadBridge {
    protected async getById(id: string): Promise<IUpload> {
      return (await uploadToApp(site, await site.db.uploads.byId(id))) as IUpload;
    }
    protected getBuffer({ id }: IUpload): Promise<Buffer> {
      const bytes = site.ws.files.get(id);
      return bytes === undefined ? Promise.reject(new Error('File not found')) : Promise.resolve(bytes);
    }
    protected async createUpload({ name, rid, userId }: IUploadDetails, bytes: Buffer): Promise<IUpload> {
      if (!userId) throw new Error('Missing user to perform the upload operation');
      return (await uploadToApp(site, await upload(site, { name, rid, userId }, bytes))) as IUpload;
    }
  })();
}

export function roleBridge({ engine, site }: Seat) {
  const role = (id: string): IRole =>
    ({
      id,
      name: id,
      description: '',
      mandatory2fa: false,
      protected: true,
      scope: 'Users',
    }) as unknown as IRole;
  return new (class extends engine.bridges.RoleBridge {
    protected getOneByIdOrName(id: string): Promise<IRole | null> {
      return Promise.resolve(Object.values(site.ws.permissions).flat().includes(id) ? role(id) : null);
    }
    protected getCustomRoles(): Promise<IRole[]> {
      return Promise.resolve([]);
    }
  })();
}

export function serverSettingBridge({ engine, site: { ws } }: Seat) {
  const setting = (id: string): ISetting =>
    ({
      id,
      value: ws.settings.get(id),
      packageValue: undefined,
      required: false,
      public: true,
      i18nLabel: id,
    }) as unknown as ISetting;
  return new (class extends engine.bridges.ServerSettingBridge {
    protected getAll(): Promise<ISetting[]> {
      return Promise.resolve(ws.settings.all().map(([id]) => setting(id)));
    }
    protected getOneById(id: string): Promise<ISetting> {
      return Promise.resolve(setting(id));
    }
    protected hideGroup(): Promise<void> {
      return Promise.reject(new Error('Method not implemented.'));
    }
    protected hideSetting(): Promise<void> {
      return Promise.resolve();
    }
    protected isReadableById(id: string): Promise<boolean> {
      return Promise.resolve(ws.settings.get(id) !== undefined);
    }
    protected updateOne({ id, value }: ISetting): Promise<void> {
      ws.settings.set(id, value);
      return Promise.resolve();
    }
    protected incrementValue(id: string, by: number): Promise<void> {
      ws.settings.set(id, ws.settings.number(id) + by);
      return Promise.resolve();
    }
  })();
}

/** Three names, and those that begin with the App's own prefix. */
export function environmentBridge({ engine, site: { ws } }: Seat) {
  const READABLE = ['NODE_ENV', 'ROOT_URL', 'INSTANCE_IP'];
  const own = (name: string, appId: string): boolean =>
    name.toUpperCase().startsWith(`RC_APPS_${appId.toUpperCase().replaceAll('-', '_')}`);
  const readable = (name: string, appId: string): boolean =>
    READABLE.includes(name.toUpperCase()) || own(name, appId);
  const read = (name: string, appId: string): Promise<string | undefined> =>
    readable(name, appId)
      ? Promise.resolve(ws.environment[name])
      : Promise.reject(new Error(`The environmental variable "${name}" is not readable.`));
  return new (class extends engine.bridges.EnvironmentalVariableBridge {
    protected getValueByName(name: string, appId: string): Promise<string | undefined> {
      return read(name, appId);
    }
    protected isReadable(name: string, appId: string): Promise<boolean> {
      return Promise.resolve(readable(name, appId));
    }
    protected async isSet(name: string, appId: string): Promise<boolean> {
      return (await read(name, appId)) !== undefined;
    }
  })();
}
