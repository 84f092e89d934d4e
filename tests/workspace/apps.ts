/** An installed App in a test's hands: what an administrator does with it. */
import { strFromU8, unzipSync } from 'fflate';
import { AppStatus } from '@rocket.chat/apps-engine/definition/AppStatus.js';
import type { ProxiedApp } from '@rocket.chat/apps-engine/server/ProxiedApp.js';
import type { Instance } from './instance.ts';
import type { LogLine } from './workspace.ts';

export interface InstallOptions {
  enable?: boolean;
  /** What the administrator grants; everything the App asks for unless told. */
  permissions?: { name: string }[];
}

export class InstalledApp {
  constructor(
    private readonly instance: Instance,
    readonly id: string,
  ) {}

  status(on = this.instance): Promise<AppStatus> {
    const app = on.manager.getOneById(this.id) as ProxiedApp | undefined;
    return app === undefined ? Promise.reject(new Error(`${this.id} is not installed`)) : app.getStatus();
  }

  async enabled(on = this.instance): Promise<boolean> {
    return ['auto_enabled', 'manually_enabled'].includes(await this.status(on));
  }

  async enable(): Promise<void> {
    await this.instance.manager.changeStatus(this.id, AppStatus.MANUALLY_ENABLED);
    for (const other of this.instance.others()) await other.manager.enable(this.id);
  }

  async disable(): Promise<void> {
    await this.instance.manager.changeStatus(this.id, AppStatus.MANUALLY_DISABLED);
    for (const other of this.instance.others())
      await other.manager.disable(this.id, AppStatus.MANUALLY_DISABLED, true);
  }

  async update(zip: Buffer | Uint8Array): Promise<void> {
    const { ws, manager } = this.instance;
    const user = { id: ws.admin.id, username: ws.admin.username };
    await manager.update(Buffer.from(zip), permissionsOf(zip) as never, {
      loadApp: true,
      user: user as never,
    });
    for (const other of this.instance.others()) {
      const item = await other.manager.getStorage().retrieveOne(this.id);
      await other.manager.updateAndStartupLocal(item as never, Buffer.from(zip));
    }
  }

  /** Its data, its user and its jobs go with it. */
  async uninstall(): Promise<void> {
    const { ws, manager } = this.instance;
    await manager.remove(this.id, { user: { id: ws.admin.id, username: ws.admin.username } as never });
    // The engine disables the App there, then trips over the record that is gone; the second time it gets through.
    for (const other of this.instance.others())
      await other.manager.removeLocal(this.id).catch(() => other.manager.removeLocal(this.id));
  }

  /** Saves a setting as an administrator does; resolves when every instance's hooks are done. */
  async set(id: string, value: unknown): Promise<void> {
    const settings = this.instance.manager.getSettingsManager();
    await settings.updateAppSetting(this.id, { ...settings.getAppSetting(this.id, id), value });
    await Promise.all(this.instance.spreading);
  }

  setting(id: string): unknown {
    const setting = this.instance.manager.getSettingsManager().getAppSetting(this.id, id);
    return setting.value ?? setting.packageValue;
  }

  /** The key of the text below a setting. */
  description(id: string): string | undefined {
    return this.instance.manager.getSettingsManager().getAppSetting(this.id, id).i18nDescription;
  }

  /** The base of its endpoints: public, or private with the App's secret. */
  url(visibility: 'public' | 'private' = 'public', on = this.instance): string {
    const hash = this.instance.ws.shelf.items.get(this.id)?._id ?? '';
    return `${on.endpointUrl}/api/apps/${visibility}/${this.id}${visibility === 'private' ? `/${hash}` : ''}`;
  }

  logs(): LogLine[] {
    return this.instance.ws.logs(this.id);
  }
}

export function permissionsOf(zip: Uint8Array): { name: string }[] | undefined {
  const files = unzipSync(new Uint8Array(zip), { filter: ({ name }) => name === 'app.json' });
  const manifest = files['app.json'];
  if (manifest === undefined) throw new Error('the package has no app.json');
  return (JSON.parse(strFromU8(manifest)) as { permissions?: { name: string }[] }).permissions;
}
