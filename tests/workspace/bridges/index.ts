/** All bridges of one instance. */
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings/index.js';
import type { AppBridges } from '@rocket.chat/apps-engine/server/bridges/index.js';
import type { Commands } from '../commands.ts';
import type { Endpoints } from '../endpoints.ts';
import type { Scheduler } from '../scheduler.ts';
import { absent } from './absent.ts';
import {
  environmentBridge,
  persistenceBridge,
  roleBridge,
  serverSettingBridge,
  uploadBridge,
} from './data.ts';
import * as events from './events.ts';
import { messageBridge, threadBridge } from './messages.ts';
import { roomBridge } from './rooms.ts';
import { schedulerBridge } from './scheduler.ts';
import type { Seat } from './seat.ts';
import { userBridge } from './users.ts';

export interface Parts {
  commands: Commands;
  endpoints: Endpoints;
  scheduler: Scheduler;
  settingChanged: (appId: string, setting: ISetting) => void;
}

export function buildBridges(
  seat: Seat,
  { commands, endpoints, scheduler, settingChanged }: Parts,
): AppBridges {
  const { bridges } = seat.engine;
  const built: Record<string, unknown> = {
    getMessageBridge: messageBridge(seat),
    getThreadBridge: threadBridge(seat),
    getRoomBridge: roomBridge(seat),
    getUserBridge: userBridge(seat),
    getPersistenceBridge: persistenceBridge(seat),
    getUploadBridge: uploadBridge(seat),
    getRoleBridge: roleBridge(seat),
    getServerSettingBridge: serverSettingBridge(seat),
    getEnvironmentalVariableBridge: environmentBridge(seat),
    getSchedulerBridge: schedulerBridge(seat, scheduler),
    getCommandBridge: events.commandBridge(seat, commands),
    getApiBridge: events.apiBridge(seat, endpoints),
    getAppDetailChangesBridge: events.detailChangesBridge(seat, settingChanged),
    getAppActivationBridge: events.activationBridge(seat),
    getUiInteractionBridge: events.uiBridge(seat),
    getHttpBridge: events.httpBridge(seat),
    getInternalBridge: events.internalBridge(seat),
    getInternalFederationBridge: events.internalFederation,
    // The engine asks for it and never calls it: the server calls the engine's listener manager instead.
    getListenerBridge: {},
    getLivechatBridge: absent(bridges.LivechatBridge, 'omnichannel'),
    getContactBridge: absent(bridges.ContactBridge, 'contacts'),
    getEmailBridge: absent(bridges.EmailBridge, 'mail'),
    getCloudWorkspaceBridge: absent(bridges.CloudWorkspaceBridge, 'cloud'),
    getVideoConferenceBridge: absent(bridges.VideoConferenceBridge, 'video conferences'),
    getOAuthAppsBridge: absent(bridges.OAuthAppsBridge, 'OAuth'),
    getModerationBridge: absent(bridges.ModerationBridge, 'moderation reports'),
    getOutboundMessageBridge: absent(bridges.OutboundMessageBridge, 'outbound messages'),
    getExperimentalBridge: absent(bridges.ExperimentalBridge, 'experiments'),
  };
  const Base = bridges.AppBridges as unknown as new () => AppBridges;
  return Object.assign(
    new Base(),
    Object.fromEntries(Object.entries(built).map(([get, bridge]) => [get, () => bridge])),
  );
}
