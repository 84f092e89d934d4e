/** Every hook of Rocket.Chat that the App listens to, one statement each. */

import { App } from '@rocket.chat/apps-engine/definition/App.js';
import type {
  IAppAccessors,
  IAppInstallationContext,
  IAppUpdateContext,
  IConfigurationExtend,
  IConfigurationModify,
  IEnvironmentRead,
  IHttp,
  ILogger,
  IModify,
  IPersistence,
  IRead,
} from '@rocket.chat/apps-engine/definition/accessors';
import type {
  IMessage,
  IMessageDeleteContext,
  IMessagePinContext,
  IMessageReactionContext,
  IPostMessageDeleted,
  IPostMessagePinned,
  IPostMessageReacted,
  IPostMessageSent,
  IPostMessageUpdated,
  IPostSystemMessageSent,
} from '@rocket.chat/apps-engine/definition/messages';
import type { IAppInfo } from '@rocket.chat/apps-engine/definition/metadata';
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings';
import type { ISettingUpdateContext } from '@rocket.chat/apps-engine/definition/settings/ISettingUpdateContext';
import type {
  IUIKitInteractionHandler,
  IUIKitResponse,
  UIKitActionButtonInteractionContext,
  UIKitBlockInteractionContext,
} from '@rocket.chat/apps-engine/definition/uikit';
import type { IUserContext } from '@rocket.chat/apps-engine/definition/users';

import { Federation } from './federation.ts';
import { instantiate } from './wasm.ts';

export class MatrixFederationApp
  extends App
  implements
    IPostMessageSent,
    IPostSystemMessageSent,
    IPostMessageDeleted,
    IPostMessageUpdated,
    IPostMessageReacted,
    IPostMessagePinned,
    IUIKitInteractionHandler
{
  private readonly federation: Federation;

  constructor(info: IAppInfo, logger: ILogger, accessors: IAppAccessors) {
    super(info, logger, accessors);
    this.federation = new Federation(info.id, accessors, instantiate);
  }

  override async onInstall(
    _context: IAppInstallationContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    this.federation.take(persistence, modify);
    return Promise.resolve();
  }

  override async onUpdate(
    _context: IAppUpdateContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    this.federation.take(persistence, modify);
    return Promise.resolve();
  }

  override async onEnable(_environment: IEnvironmentRead, configure: IConfigurationModify): Promise<boolean> {
    return this.federation.start(configure, this.getLogger());
  }

  override async onDisable(): Promise<void> {
    return this.federation.stop(this.getLogger());
  }

  override async onPreSettingUpdate(context: ISettingUpdateContext): Promise<ISetting> {
    // Declared to answer always; the engine takes nothing for the new setting.
    return Promise.resolve(this.federation.checked(context, this.getLogger()) as ISetting);
  }

  override async onSettingUpdated(): Promise<void> {
    return this.federation.refresh(this.getLogger());
  }

  async executePostMessageSent(
    message: IMessage,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    return this.federation.messageSent(message, persistence, modify, this.getLogger());
  }

  async executePostSystemMessageSent(
    message: IMessage,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    return this.federation.messageSent(message, persistence, modify, this.getLogger());
  }

  async executePostMessageDeleted(
    _message: IMessage,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
    context: IMessageDeleteContext,
  ): Promise<void> {
    return this.federation.messageDeleted(context, persistence, modify, this.getLogger());
  }

  async executePostMessageUpdated(
    message: IMessage,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    return this.federation.messageUpdated(message, persistence, modify, this.getLogger());
  }

  async executePostMessageReacted(
    context: IMessageReactionContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    return this.federation.messageReacted(context, persistence, modify, this.getLogger());
  }

  async executePostMessagePinned(
    context: IMessagePinContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    return this.federation.messagePinned(context, persistence, modify, this.getLogger());
  }

  async executeBlockActionHandler(
    context: UIKitBlockInteractionContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<IUIKitResponse> {
    this.federation.pressed(context.getInteractionData(), persistence, modify);
    return Promise.resolve(context.getInteractionResponder().successResponse());
  }

  async executeActionButtonHandler(
    context: UIKitActionButtonInteractionContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<IUIKitResponse> {
    this.federation.pressed(context.getInteractionData(), persistence, modify);
    return Promise.resolve(context.getInteractionResponder().successResponse());
  }

  // The engine's interfaces of these two name the method of a third.
  async executePostUserUpdated(
    { user }: IUserContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    return this.federation.personChanged(user.id, persistence, modify, this.getLogger());
  }

  async executePostUserDeleted(
    { user }: IUserContext,
    _read: IRead,
    _http: IHttp,
    persistence: IPersistence,
    modify: IModify,
  ): Promise<void> {
    return this.federation.personChanged(user.id, persistence, modify, this.getLogger());
  }

  protected override async extendConfiguration(configuration: IConfigurationExtend): Promise<void> {
    return this.federation.declare(configuration, this);
  }
}
