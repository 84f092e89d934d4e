/** The App at work: its parts put together, started, kept going and stopped. */

import type {
  IAppAccessors,
  IConfigurationExtend,
  IConfigurationModify,
  ILogger,
  IModify,
  IPersistence,
} from '@rocket.chat/apps-engine/definition/accessors';
import type {
  IMessage,
  IMessageDeleteContext,
  IMessagePinContext,
  IMessageReactionContext,
} from '@rocket.chat/apps-engine/definition/messages';
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings';
import type { ISettingUpdateContext } from '@rocket.chat/apps-engine/definition/settings/ISettingUpdateContext';

import { backstop, requestJob } from './backstop.ts';
import { askedBy, type Pressed, windowButton } from './buttons.ts';
import { type Asked, federationCommand } from './commands.ts';
import { type CoreInstance, LivingCore, watchTraps } from './core.ts';
import { api } from './endpoints.ts';
import { Accessors } from './host/accessors.ts';
import { Client } from './host/client.ts';
import { type Host, WorkspaceHost } from './host/host.ts';
import type { Image } from './host/image.ts';
import { Pictures } from './host/pictures.ts';
import { RocketChat } from './host/rocketchat.ts';
import { runtimeFact } from './host/runtime.ts';
import { Site } from './host/site.ts';
import { Store } from './host/store.ts';
import { EngineTransport, noTransport, type Transport } from './host/transport.ts';
import { messageFact } from './inputs/message.ts';
import type { Arrived } from './inputs/request.ts';
import { userFact } from './inputs/user.ts';
import { type Address, Listener } from './listener.ts';
import { Log, type Logging, reason } from './log.ts';
import { networkIsOpen } from './network.ts';
import { Passage } from './passage.ts';
import { endProcess, Parent, watchPipe } from './parent.ts';
import type { Input, Reply, Runtime } from './protocol.ts';
import { keptSetting, type Outgoing, readSettings, secretVariable, settings } from './settings.ts';
import { background, Pace, within } from './within.ts';

/** Between two looks for work that another instance handed over. */
const beatMs = 1000;

const noPicture: Reply = {
  status: 404,
  body: JSON.stringify({ errcode: 'M_NOT_FOUND', error: 'There is no such picture here.' }),
};

const starting = 'Matrix Federation is starting; try again in a moment.';

/** The engine waits 30 s for an answer; what belongs to one must be done before. */
const stopMs = 10_000;
const settingsMs = 20_000;

/** Between two trials of what the engine or the workspace did not do. */
const againMs = 10_000;

export class Federation {
  private readonly log = new Log();
  private readonly accessors: Accessors;
  private readonly core: LivingCore;
  private readonly rocketchat: RocketChat;
  private readonly site: Site;
  private readonly pictures: Pictures;
  private readonly host: WorkspaceHost;
  private readonly listener: Listener;
  private transport: Transport;
  private networkOpen = false;
  private listening: Address | undefined;
  private choice = '';
  private jobPace = new Pace(againMs);
  private startPace = new Pace(againMs);
  private beating: ReturnType<typeof setInterval> | undefined;
  private unwatch: (() => void)[] = [];
  private parent: Parent | undefined;
  private enabled = false;
  private away = false;
  private refreshing: Promise<void> = Promise.resolve();
  private nextRefresh: Promise<void> | undefined;

  constructor(
    private readonly id: string,
    private readonly own: IAppAccessors,
    instantiate: (host: Host, instance: string) => CoreInstance,
  ) {
    this.accessors = new Accessors(own.reader, own.http);
    this.transport = new EngineTransport(own.http);
    const store = new Store(
      () => own.reader.getPersistenceReader(),
      () => this.accessors.storing(),
    );
    this.rocketchat = new RocketChat(this.accessors);
    this.site = new Site(() => this.transport, this.log);
    this.pictures = new Pictures(() => this.transport, this.site);
    this.host = new WorkspaceHost(
      store,
      this.rocketchat,
      () => this.transport,
      (input) => {
        this.core.tell(input);
      },
      this.log,
      () => this.runtime(),
      (id) => own.environmentReader.getServerSettings().getValueById(id) as Promise<unknown>,
      this.site,
      this.pictures,
    );
    this.core = new LivingCore(instantiate, this.host, this.log);
    this.listener = new Listener(
      (request) => this.answer(request),
      this.log,
      undefined,
      (request) => this.core.knock(request),
    );
  }

  /** Tells the engine what the App brings. */
  async declare(configuration: IConfigurationExtend, app: Logging): Promise<void> {
    const take = this.take.bind(this);
    configuration.http.providePreRequestHandler(this.accessors.handler);
    const command = federationCommand({ take, command: this.command.bind(this) }, app);
    const endpoints = api({
      take,
      answer: (request) => this.answer(request),
      download: (ticket) => this.core.download(ticket),
    });
    const flush = this.log.flush.bind(this.log);
    const job = backstop({ take, flush, beat: () => this.core.tick() }, app);
    configuration.ui.registerButton(windowButton);
    await Promise.all([
      ...settings.map((setting) => this.provide(setting.id, configuration.settings.provideSetting(setting))),
      this.provide('the command', configuration.slashCommands.provideSlashCommand(command)),
      this.provide('the endpoints', configuration.api.provideApi(endpoints)),
      this.provide('the job', configuration.scheduler.registerProcessors([job])),
    ]);
  }

  /** The engine keeps the command of an App that is switched off, and refuses it when the App is switched on again. */
  private async provide(what: string, providing: Promise<unknown>): Promise<void> {
    await providing.catch((error: unknown) => {
      this.log.info(`the engine did not take ${what}: ${reason(error)}`);
    });
  }

  async start(configure: IConfigurationModify, logger: ILogger): Promise<boolean> {
    // An engine that lost sight of the App starts it once more.
    this.end();
    this.networkOpen = await networkIsOpen();
    this.log.info(
      this.networkOpen
        ? "using the App's own listener and client"
        : "the runtime closes the network: using the engine's endpoints and HTTP client",
    );
    const parent = this.watchParent();
    this.parent = parent;
    this.unwatch = [
      watchTraps((why) => {
        this.core.trapped(why);
      }),
      watchPipe(() => {
        void parent.doubt();
      }),
    ];
    this.away = false;
    this.enabled = true;
    await this.refresh(logger);
    // Stopped meanwhile.
    if (!this.isEnabled()) return true;
    clearInterval(this.beating);
    this.beating = setInterval(() => {
      this.beat(configure);
    }, beatMs);
    background(this.beating);
    this.jobPace = new Pace(againMs);
    this.startPace = new Pace(againMs);
    requestJob(configure);
    return true;
  }

  async stop(logger: ILogger): Promise<void> {
    this.enabled = false;
    this.end();
    await within(stopMs, 'stopping', this.core.submit({ kind: 'stop' })).catch((error: unknown) => {
      this.log.warn(`not stopped in good order: ${reason(error)}`);
    });
    await this.leave();
    this.log.flush(logger);
  }

  async refresh(logger: ILogger): Promise<void> {
    await this.renew();
    this.log.flush(logger);
  }

  /** Reads the settings anew; saving a page of them asks for that many times at once. */
  private async renew(): Promise<void> {
    this.nextRefresh ??= this.refreshing.then(() => {
      this.nextRefresh = undefined;
      this.refreshing = this.apply().catch((error: unknown) => {
        this.log.error(`the settings could not be applied: ${reason(error)}`);
      });
      return this.refreshing;
    });
    await this.nextRefresh;
  }

  /**
   * The setting to be saved, where it is not the new one. The engine swallows what this hook throws and saves the
   * new value all the same, so a value that cannot be used is answered with the old one, which says why. Any other is
   * answered with nothing: what the hook answers is written into the App's log, secrets too.
   */
  checked({ oldSetting, newSetting }: ISettingUpdateContext, logger: ILogger): ISetting | undefined {
    const kept = keptSetting(oldSetting, newSetting);
    if (kept?.why !== undefined) {
      this.log.warn(`the setting '${newSetting.id}' keeps its old value. ${kept.why}`);
      this.log.flush(logger);
    }
    return kept?.setting;
  }

  async messageSent(
    message: IMessage,
    persistence: IPersistence,
    modify: IModify,
    logger: ILogger,
  ): Promise<void> {
    await this.tell({ kind: 'messageSent', message: messageFact(message) }, persistence, modify, logger);
  }

  async messageUpdated(
    message: IMessage,
    persistence: IPersistence,
    modify: IModify,
    logger: ILogger,
  ): Promise<void> {
    const by = message.editor ? userFact(message.editor) : null;
    const input: Input = {
      kind: 'messageEdited',
      message: messageFact(message),
      by,
    };
    await this.tell(input, persistence, modify, logger);
  }

  async messageDeleted(
    { message, user }: IMessageDeleteContext,
    persistence: IPersistence,
    modify: IModify,
    logger: ILogger,
  ): Promise<void> {
    const input: Input = {
      kind: 'messageDeleted',
      message: messageFact(message),
      by: userFact(user),
    };
    await this.tell(input, persistence, modify, logger);
  }

  async messageReacted(
    { message, reaction, user, isReacted }: IMessageReactionContext,
    persistence: IPersistence,
    modify: IModify,
    logger: ILogger,
  ): Promise<void> {
    const input: Input = {
      kind: 'messageReacted',
      message: messageFact(message),
      emoji: reaction,
      by: userFact(user),
      on: isReacted,
    };
    await this.tell(input, persistence, modify, logger);
  }

  async messagePinned(
    { message, user, isPinned }: IMessagePinContext,
    persistence: IPersistence,
    modify: IModify,
    logger: ILogger,
  ): Promise<void> {
    const input: Input = {
      kind: 'messagePinned',
      message: messageFact(message),
      by: userFact(user),
      on: isPinned,
    };
    await this.tell(input, persistence, modify, logger);
  }

  async personChanged(
    user: string,
    persistence: IPersistence,
    modify: IModify,
    logger: ILogger,
  ): Promise<void> {
    this.take(persistence, modify);
    await this.submit({ kind: 'personChanged', user });
    this.log.flush(logger);
  }

  take(persistence: IPersistence, modify: IModify): void {
    this.accessors.take(persistence, modify);
  }

  /** A button was pressed. The client waits for the engine's answer, so what it leads to is not waited for. */
  pressed(pressed: Pressed, persistence: IPersistence, modify: IModify): void {
    this.take(persistence, modify);
    void this.ask(askedBy(pressed));
  }

  private async answer(request: Arrived): Promise<Reply | Image | Passage> {
    const served = await this.core.request(request);
    if ('file' in served) return new Passage(this.transport, served);
    return 'picture' in served ? ((await this.pictures.get(served.picture)) ?? noPicture) : served;
  }

  private async command(asked: Asked, logger: ILogger): Promise<void> {
    await this.ask(asked);
    this.log.flush(logger);
  }

  /** What a hook of Rocket.Chat brought. */
  private async tell(
    input: Input,
    persistence: IPersistence,
    modify: IModify,
    logger: ILogger,
  ): Promise<void> {
    this.take(persistence, modify);
    await this.submit(input);
    this.log.flush(logger);
  }

  private async ask(asked: Asked): Promise<void> {
    if (this.core.running) await this.submit({ kind: 'command', ...asked });
    else await this.rocketchat.notify(asked.room.id, asked.user.id, starting).catch(() => undefined);
  }

  private async submit(input: Input): Promise<void> {
    try {
      await this.core.submit(input);
    } catch (error) {
      // Between a start of the process and of the core nothing is lost: rooms are compared at the start.
      this.log.trouble(
        `hook ${input.kind}`,
        this.core.running ? 'error' : 'info',
        `'${input.kind}' could not be handled: ${reason(error)}`,
      );
    }
  }

  private async apply(): Promise<void> {
    // An App that is switched off is told of its settings too.
    if (!this.isEnabled()) return;
    const { config, listen, outgoing, certificates, access } = await within(
      settingsMs,
      'reading the settings',
      readSettings(this.id, this.own.environmentReader, this.networkOpen),
    );
    this.site.access = access;
    // It may have been switched off meanwhile, here and below.
    if (!this.isEnabled()) return;
    this.choose(outgoing, certificates);
    if (this.networkOpen) await this.listen(listen);
    if (!this.isEnabled()) return;
    this.host.open();
    this.core.start(config);
  }

  /** Asked anew after every wait. */
  private isEnabled(): boolean {
    return this.enabled;
  }

  private runtime(): Runtime {
    return runtimeFact({
      open: this.networkOpen,
      transport: this.transport.name,
      listener: this.listener.state,
      variable: secretVariable(this.id),
    });
  }

  /** Whose client makes the calls; one that stays keeps its connections. */
  private choose(outgoing: Outgoing, certificates: string[]): void {
    const own = outgoing === 'own' || (outgoing === 'automatic' && this.networkOpen);
    const choice = own ? ['own', ...certificates].join('\n') : 'workspace';
    if (choice === this.choice) return;
    this.choice = choice;
    const before = this.transport;
    if (!own) this.transport = new EngineTransport(this.own.http);
    else if (!this.networkOpen) this.transport = noTransport;
    else this.transport = new Client(certificates, (address) => this.core.admits(address));
    before.close();
  }

  private async listen(address: Address): Promise<void> {
    if (this.listening?.host === address.host && this.listening.port === address.port) return;
    this.listening = address;
    await this.listener.listen(address);
  }

  /** Ends what goes on by itself. */
  private end(): void {
    clearInterval(this.beating);
    this.beating = undefined;
    for (const end of this.unwatch.splice(0)) end();
  }

  private beat(configure: IConfigurationModify): void {
    this.parent?.look();
    if (this.away) return;
    if (this.core.idle && this.startPace.due()) void this.renew();
    void this.core.tick();
    if (!this.accessors.complete && this.jobPace.due()) requestJob(configure);
  }

  private watchParent(): Parent {
    const reader = this.own.environmentReader.getSettings();
    return new Parent(() => reader.getValueById('listen_port') as Promise<unknown>, {
      lost: () => {
        this.away = true;
        void this.listener.close();
      },
      found: () => {
        this.away = false;
        if (this.beating !== undefined && this.listening) void this.listener.listen(this.listening);
      },
      gone: () => {
        this.enabled = false;
        clearInterval(this.beating);
        void this.leave().finally(endProcess);
      },
    });
  }

  private async leave(): Promise<void> {
    this.host.close();
    this.core.drop();
    this.listening = undefined;
    await this.listener.close();
    this.transport.close();
    this.transport = new EngineTransport(this.own.http);
    this.choice = '';
  }
}
