/* global PROBE */
// The probe: an App that does what a test tells it, and remembers what it was told.
const { App } = require('@rocket.chat/apps-engine/definition/App');
const { ApiSecurity, ApiVisibility } = require('@rocket.chat/apps-engine/definition/api');

class ProbeApp extends App {
  seen = [];
  waiting = new Set();
  started = { enabled: 0 };

  async extendConfiguration(configuration) {
    const { settings = [], processors = [], endpoints = [] } = PROBE;
    for (const setting of settings) await configuration.settings.provideSetting(setting);
    // Holding the App lets the engine hand each call its own logger.
    const endpoint = (path, handle, authRequired) => ({
      app: this,
      path,
      authRequired,
      get: handle,
      post: handle,
      put: handle,
      examples: {},
    });
    async function echo(request) {
      return this.app.reply(request);
    }
    await configuration.api.provideApi({
      visibility: PROBE.secret ? ApiVisibility.PRIVATE : ApiVisibility.PUBLIC,
      security: ApiSecurity.UNSECURE,
      endpoints: [
        endpoint('run', async function (...given) {
          return this.app.run(...given);
        }),
        endpoint('guarded', echo, true),
        ...endpoints.map((path) => endpoint(path, echo)),
      ],
    });
    await configuration.slashCommands.provideSlashCommand({
      command: 'probe',
      i18nDescription: 'probe',
      i18nParamsExample: 'probe',
      providesPreview: false,
      executor: async (context, read, modify, http, persis) => {
        this.noted({
          hook: 'command',
          data: {
            args: context.getArguments(),
            sender: context.getSender().username,
            room: context.getRoom().id,
            threadId: context.getThreadId(),
            triggerId: context.getTriggerId(),
          },
        });
        const [code] = context.getArguments();
        if (code?.startsWith('js:'))
          await this.evaluate(code.slice(3), { context, read, modify, http, persis });
      },
    });
    await configuration.scheduler.registerProcessors(
      processors.map((id) => ({
        id,
        processor: async (data, read, modify, http, persis) => {
          this.noted({ hook: 'job', data: { id, ...data } });
          if (data.fail) throw new Error('the job fails');
          if (data.code) await this.evaluate(data.code, { data, read, modify, http, persis });
        },
      })),
    );
  }

  async onEnable() {
    this.started.enabled++;
    return true;
  }

  async onDisable() {}

  async onInstall() {}

  async onUpdate() {}

  async onUninstall() {}

  async onPreSettingUpdate({ newSetting }) {
    this.noted({ hook: 'onPreSettingUpdate', data: { id: newSetting.id, value: newSetting.value } });
    return newSetting;
  }

  async onSettingUpdated({ id, value }) {
    this.noted({ hook: 'onSettingUpdated', data: { id, value } });
  }

  noted(entry) {
    this.seen.push(entry);
    for (const look of [...this.waiting]) look();
  }

  // Answers when so many of a hook's calls have come.
  saw(hook, count, patience) {
    return new Promise((resolve, reject) => {
      const alarm = setTimeout(
        () =>
          reject(
            new Error(`waited for ${count} of ${hook}; saw: ${this.seen.map((one) => one.hook).join(', ')}`),
          ),
        patience,
      );
      const look = () => {
        const calls = this.seen.filter((one) => one.hook === hook);
        if (calls.length < count) return;
        clearTimeout(alarm);
        this.waiting.delete(look);
        resolve(calls);
      };
      this.waiting.add(look);
      look();
    });
  }

  async reply({ method, headers, query, params, content, user }) {
    return { status: 200, content: { method, headers, query, params, content, user } };
  }

  async run(request, endpoint, read, modify, http, persis) {
    try {
      const value = await this.evaluate(request.content.code, {
        request,
        endpoint,
        read,
        modify,
        http,
        persis,
      });
      return { status: 200, content: JSON.stringify({ value: value === undefined ? '__undefined' : value }) };
    } catch (error) {
      return {
        status: 200,
        content: JSON.stringify({
          error: { name: error?.name, message: String(error?.message ?? error), code: error?.code },
        }),
      };
    }
  }

  // A direct eval, so the code sees what an App's module sees: `globalThis`, `require`, `console`.
  evaluate(code, given) {
    const names = 'app, request, context, data, endpoint, read, modify, http, persis';
    return eval(`({ ${names} }) => (async () => { ${code} })()`)({ app: this, ...given });
  }
}

const HOOKS = {
  IPreMessageSentPrevent: 'executePreMessageSentPrevent',
  IPreMessageSentModify: 'executePreMessageSentModify',
  IPostMessageSent: 'executePostMessageSent',
  IPostSystemMessageSent: 'executePostSystemMessageSent',
  IPostMessageUpdated: 'executePostMessageUpdated',
  IPostMessageDeleted: 'executePostMessageDeleted',
  IPostMessageReacted: 'executePostMessageReacted',
  IPostMessagePinned: 'executePostMessagePinned',
  IPostMessageStarred: 'executePostMessageStarred',
  IPostRoomCreate: 'executePostRoomCreate',
  IPostRoomDeleted: 'executePostRoomDeleted',
  IPostRoomUserJoined: 'executePostRoomUserJoined',
  IPostRoomUserLeave: 'executePostRoomUserLeave',
  IPostUserCreated: 'executePostUserCreated',
  IPostUserUpdated: 'executePostUserUpdated',
  IPostUserDeleted: 'executePostUserDeleted',
  IPostUserStatusChanged: 'executePostUserStatusChanged',
  IPreFileUpload: 'executePreFileUpload',
};

for (const [hook, method] of Object.entries(HOOKS))
  ProbeApp.prototype[method] = async function (data, ...rest) {
    this.noted({ hook, data, at: Date.now() });
    // A 'modify' hook is handed a builder before the rest.
    const [read, http, persis, modify] = hook.endsWith('Modify') ? rest.slice(1) : rest;
    const code = PROBE.onHook?.[hook];
    if (code) return this.evaluate(code, { data, read, http, persis, modify });
    return hook.endsWith('Prevent') ? false : hook.endsWith('Modify') ? data : undefined;
  };

ProbeApp.prototype.executeBlockActionHandler = async function (context) {
  const data = context.getInteractionData();
  this.noted({
    hook: 'block',
    data: { actionId: data.actionId, value: data.value, blockId: data.blockId, user: data.user.username },
  });
  return context.getInteractionResponder().successResponse();
};
ProbeApp.prototype.executeActionButtonHandler = async function (context) {
  const { actionId, buttonContext, room, user, triggerId } = context.getInteractionData();
  const data = { actionId, buttonContext, room: room?.id, user: user.username, trigger: triggerId !== '' };
  this.noted({ hook: 'button', data });
  return context.getInteractionResponder().successResponse();
};
ProbeApp.prototype.executeViewSubmitHandler = async function (context) {
  this.noted({ hook: 'submit', data: context.getInteractionData().view });
  return context.getInteractionResponder().successResponse();
};

exports.ProbeApp = ProbeApp;
