/** The bridges through which the engine tells the server: what Apps register, and what became of them. */
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings/index.js';
import type { ISlashCommand } from '@rocket.chat/apps-engine/definition/slashcommands/index.js';
import type { IUser } from '@rocket.chat/apps-engine/definition/users/index.js';
import type { AppApi } from '@rocket.chat/apps-engine/server/managers/AppApi.js';
import type { Commands } from '../commands.ts';
import type { Endpoints } from '../endpoints.ts';
import { federationKeys } from '../keys.ts';
import { request } from '../http.ts';
import type { IHttpBridgeRequestInfo } from '@rocket.chat/apps-engine/server/bridges/HttpBridge.js';
import type { Seat } from './seat.ts';

export function commandBridge({ engine }: Seat, commands: Commands) {
  return new (class extends engine.bridges.CommandBridge {
    protected doesCommandExist(command: string): Promise<boolean> {
      return Promise.resolve(commands.has(command));
    }
    protected enableCommand(command: string): Promise<void> {
      commands.enable(command);
      return Promise.resolve();
    }
    protected disableCommand(command: string): Promise<void> {
      commands.disable(command);
      return Promise.resolve();
    }
    protected modifyCommand(command: ISlashCommand): Promise<void> {
      commands.add(command);
      return Promise.resolve();
    }
    protected registerCommand(command: ISlashCommand): Promise<void> {
      commands.add(command);
      return Promise.resolve();
    }
    protected unregisterCommand(command: string): Promise<void> {
      commands.remove(command);
      return Promise.resolve();
    }
  })();
}

export function apiBridge({ engine }: Seat, endpoints: Endpoints) {
  return new (class extends engine.bridges.ApiBridge {
    override registerApi(api: AppApi, appId: string): Promise<void> {
      endpoints.add(api, appId);
      return Promise.resolve();
    }
    override unregisterApis(appId: string): Promise<void> {
      endpoints.remove(appId);
      return Promise.resolve();
    }
  })();
}

export function detailChangesBridge({ engine }: Seat, changed: (appId: string, setting: ISetting) => void) {
  return new (class extends engine.bridges.AppDetailChangesBridge {
    protected onAppSettingsChange(appId: string, setting: ISetting): void {
      changed(appId, setting);
    }
  })();
}

/** Other instances are told by the workspace itself (`apps.ts`), in order and awaited. */
export function activationBridge({ engine, site }: Seat) {
  const heard = (): Promise<void> => {
    site.ws.changes.touch();
    return Promise.resolve();
  };
  return new (class extends engine.bridges.AppActivationBridge {
    protected appAdded = heard;
    protected appUpdated = heard;
    protected appRemoved = heard;
    protected appStatusChanged = heard;
    protected actionsChanged = heard;
  })();
}

export function uiBridge({ engine, site }: Seat) {
  return new (class extends engine.bridges.UiInteractionBridge {
    protected notifyUser(user: IUser, interaction: object): Promise<void> {
      site.ws.notices.shows({ uid: user.id, interaction: interaction as Record<string, unknown> });
      return Promise.resolve();
    }
  })();
}

export function httpBridge({ engine }: Seat) {
  return new (class extends engine.bridges.HttpBridge {
    protected call(info: IHttpBridgeRequestInfo) {
      return request(info);
    }
  })();
}

export function internalBridge({ engine, site: { ws } }: Seat) {
  const usernames = (id: string): string[] =>
    ws.database.subscriptions.find(({ rid }) => rid === id).map(({ u }) => u.username);
  return new (class extends engine.bridges.InternalBridge {
    protected getUsernamesOfRoomById(id: string): Promise<string[]> {
      return Promise.resolve(usernames(id));
    }
    protected getUsernamesOfRoomByIdSync(id: string): string[] {
      return usernames(id);
    }
    protected getWorkspacePublicKey(): Promise<ISetting> {
      return Promise.resolve({
        id: 'Cloud_Workspace_PublicKey',
        value: federationKeys().publicKey,
      } as unknown as ISetting);
    }
  })();
}

/** The engine signs what it installs with this pair. */
export const internalFederation = {
  getPrivateKey: (): Promise<string> => Promise.resolve(federationKeys().privateKey),
  getPublicKey: (): Promise<string> => Promise.resolve(federationKeys().publicKey),
};
