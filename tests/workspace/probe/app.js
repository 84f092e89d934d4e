// The probe: an App that does what a test tells it, and remembers what it was told.
const { App } = require('@rocket.chat/apps-engine/definition/App');
const { ApiSecurity, ApiVisibility } = require('@rocket.chat/apps-engine/definition/api');

class ProbeApp extends App {
  seen = [];
  started = { enabled: 0 };

  async extendConfiguration(configuration) {
    const { permissions = [], settings = [], processors = [], endpoints = [], slow = 0 } = PROBE;
    for (const setting of settings) await configuration.settings.provideSetting(setting);
    const api = (path, handle, authRequired) => ({ path, authRequired, get: handle, post: handle, put: handle, examples: {} });
    const echo = (path) => api(path, async (request) => this.reply(request));
    await configuration.api.provideApi({
      visibility: PROBE.secret ? ApiVisibility.PRIVATE : ApiVisibility.PUBLIC,
      security: ApiSecurity.UNSECURE,
      endpoints: [api('run', (...given) => this.run(...given)), ...endpoints.map(echo), api('guarded', async (request) => this.reply(request), true)].map((one) => this.endpoint(one)),
    });
    await configuration.slashCommands.provideSlashCommand({
      command: 'probe', i18nDescription: 'probe', i18nParamsExample: 'probe', providesPreview: false,
      executor: async (context, read, modify, http, persis) => {
        this.seen.push({ hook: 'command', data: { args: context.getArguments(), sender: context.getSender().username, room: context.getRoom().id, threadId: context.getThreadId(), triggerId: context.getTriggerId() } });
        const [code] = context.getArguments();
        if (code?.startsWith('js:')) await this.evaluate(code.slice(3), { context, read, modify, http, persis });
      },
    });
    await configuration.scheduler.registerProcessors(
      processors.map((id) => ({
        id,
        processor: async (data, read, modify, http, persis) => {
          this.seen.push({ hook: 'job', data: { id, ...data } });
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

  async onPreSettingUpdate({ newSetting }) {
    this.seen.push({ hook: 'onPreSettingUpdate', data: { id: newSetting.id, value: newSetting.value } });
    return newSetting;
  }

  async onSettingUpdated({ id, value }) {
    this.seen.push({ hook: 'onSettingUpdated', data: { id, value } });
  }

  endpoint({ path, authRequired, get, post, put, examples }) {
    return { path, authRequired, get, post, put, examples };
  }

  async reply({ method, headers, query, params, content, user }) {
    return { status: 200, content: { method, headers, query, params, content, user } };
  }

  async run(request, endpoint, read, modify, http, persis) {
    try {
      const value = await this.evaluate(request.content.code, { request, endpoint, read, modify, http, persis });
      return { status: 200, content: JSON.stringify({ value: value === undefined ? '__undefined' : value }) };
    } catch (error) {
      return { status: 200, content: JSON.stringify({ error: { name: error?.name, message: String(error?.message ?? error), code: error?.code } }) };
    }
  }

  // A direct eval, so the code sees what an App's module sees: `globalThis`, `require`, `console`.
  evaluate(code, { request, context, data, endpoint, read, modify, http, persis }) {
    const app = this;
    return eval(`(async () => { ${code} })()`);
  }
}

const HOOKS = {
  IPreMessageSentPrevent: 'executePreMessageSentPrevent',
  IPreMessageSentModify: 'executePreMessageSentModify',
  IPostMessageSent: 'executePostMessageSent',
  IPostSystemMessageSent: 'executePostSystemMessageSent',
  IPostMessageUpdated: 'executePostMessageUpdated',
  IPostMessageDeleted: 'executePostMessageDelete',
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
  ProbeApp.prototype[method] = async function (first, second, ...rest) {
    const accessors = [second, ...rest];
    const find = (name) => accessors.find((one) => one && typeof one === 'object' && name in one);
    this.seen.push({ hook, data: first, at: Date.now() });
    const code = PROBE.onHook?.[hook];
    if (!code) return hook.endsWith('Prevent') ? false : undefined;
    const [read, http, persis, modify] = hook.startsWith('IPre') && hook !== 'IPreFileUpload' ? [second, ...rest] : [second, ...rest];
    return this.evaluate(code, { data: first, read, http, persis, modify, context: { second, rest } });
  };

ProbeApp.prototype.executeBlockActionHandler = async function (context) {
  const data = context.getInteractionData();
  this.seen.push({ hook: 'block', data: { actionId: data.actionId, value: data.value, blockId: data.blockId, user: data.user.username } });
  return context.getInteractionResponder().successResponse();
};
ProbeApp.prototype.executeViewSubmitHandler = async function (context) {
  this.seen.push({ hook: 'submit', data: context.getInteractionData().view });
  return context.getInteractionResponder().successResponse();
};

exports.ProbeApp = ProbeApp;
