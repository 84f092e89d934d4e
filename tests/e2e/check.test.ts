/** `/federation check`: everything that can be wrong, made wrong for real, is named with what mends it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Instance } from '../workspace/index.ts';
import { checkLines, type Lines } from './check-lines.ts';
import { FaultProxy, type Faults } from './fault-proxy.ts';
import { Federation } from './federation.ts';
import { CertificateAuthority } from './homeserver/certificates.ts';
import { freePort } from './homeserver/ports.ts';
import { poll } from './homeserver/waiting.ts';

const STRANGER = `
id: somebody-else
url: null
as_token: 'a token of somebody else'
hs_token: 'another token of somebody else'
sender_localpart: 'stranger'
namespaces: { users: [], aliases: [], rooms: [] }
`;

describe('the check', () => {
  let federation: Federation;
  let certificates: CertificateAuthority;
  /** From the App to the homeserver. */
  let there: FaultProxy;
  /** From the homeserver to the App. */
  let back: FaultProxy;
  /** What the homeserver is to be given. */
  let registration: string;

  before(async () => {
    federation = await Federation.start();
    certificates = await CertificateAuthority.create();
    there = await FaultProxy.start(Number(new URL(federation.synapse.baseUrl).port));
    back = await FaultProxy.start(federation.listenPort);
    await federation.configure({ homeserver_url: there.url, appservice_url: back.url });
    registration = (await federation.readRegistration()).yaml;
  });

  after(async () => {
    await federation.close();
    await Promise.all([there.close(), back.close()]);
    await certificates.remove();
  });

  test('is for administrators only', async () => {
    const alice = await federation.workspace.createUser('alice');
    await alice.command(federation.lobby, '/federation check');
    await alice.expectNotice(({ text }) => text === 'Only administrators may do that.');
  });

  describe('at a homeserver that does not know the App', () => {
    before(async () => {
      await federation.synapse.replaceRegistrations(STRANGER);
      // Before the name belongs to the App.
      await federation.synapse.registerUser('rc_mallory', 'secret of mallory');
      await directoryIsMade();
    });

    test('the token', async () => {
      const lines = await check();
      expect(lines, 'Homeserver', /^✅ Synapse \d.* answers at /);
      expect(lines, 'Token', /^❌ the homeserver does not know our token.*➜ Save what/s);
      for (const name of ['Users', 'Way back', 'Large transactions', 'Other people', 'Files'])
        expect(lines, name, /^➖ not checked, because of \*Token\*/);
    });

    test('nobody at the address', async () => {
      const lines = await checkWith({ homeserver_url: `http://127.0.0.1:${await freePort()}` });
      expect(lines, 'Homeserver', /^❌ .*nobody listens there.*➜ Start the homeserver/s);
      for (const name of ['Version', 'Clock', 'Token'])
        expect(lines, name, /^➖ not checked, because of \*Homeserver\*/);
    });

    test('a name that nobody knows', async () => {
      const lines = await checkWith({ homeserver_url: 'http://no-such-host.invalid' });
      expect(lines, 'Homeserver', /^❌ .*this name is not known here.*➜ Correct the/s);
    });

    test('a homeserver that hangs', async () => {
      const began = Date.now();
      expect(
        await checkThrough(there, { silent: true }),
        'Homeserver',
        /^❌ .*no answer in time.*➜ Let the fire/s,
      );
      assert.ok(Date.now() - began < 40_000);
    });

    for (const [what, faults, fits] of [
      ['a web page', { status: 200 }, /^❌ .*no homeserver, but a web page.*status 200.*➜ Correct/s],
      ['a proxy without a homeserver', { status: 502 }, /^❌ .*the homeserver behind it does not/],
      [
        'a proxy that sends us on',
        { status: 301, location: 'https://matrix.hs.test' },
        /^❌ .*it sends us on to https:\/\/matrix\.hs\.test.*➜ Set .* to https:\/\/matrix\.hs\.test\.$/s,
      ],
    ] as const) {
      test(what, async () => {
        expect(await checkThrough(there, faults), 'Homeserver', fits);
      });
    }

    test('a certificate that nobody trusts, until its authority is named', async () => {
      const { target } = there;
      const secure = await FaultProxy.start(target, 0, await certificates.issue('localhost'));
      try {
        const lines = await checkWith({ homeserver_url: secure.url });
        expect(lines, 'Homeserver', /^❌ .*its certificate is not trusted.*➜ .*paste its certificate/s);
        const trusted = { homeserver_url: secure.url, ca_certificates: certificates.certificate };
        expect(await checkWith(trusted), 'Homeserver', /^✅/);
        const plain = await checkWith({ homeserver_url: there.url.replace('http:', 'https:') });
        expect(plain, 'Homeserver', /^❌ .*does not speak TLS.*➜ Begin .* with http:/s);
      } finally {
        await secure.close();
      }
    });
  });

  describe('at a homeserver that has another id for the App', () => {
    before(() => federation.synapse.replaceRegistrations(registration.replace(/^id: .*$/m, 'id: other')));

    test('the id', async () => {
      expect(await check(), 'Way back', /^❌ .*under another `id`.*➜ Save what/s);
    });
  });

  describe('at a homeserver with an old token of the other direction', () => {
    before(() =>
      federation.synapse.replaceRegistrations(
        registration.replace(/^hs_token: .*$/m, "hs_token: 'an old one'"),
      ),
    );

    test('the token of the homeserver', async () => {
      const lines = await check();
      expect(lines, 'Token', /^✅ accepted; the App itself is @rocketchat:hs\.test/);
      expect(lines, 'Way back', /^❌ .*with a wrong `hs_token`.*➜ Save what/s);
      expect(lines, 'Large transactions', /^➖/);
    });

    test('another name of the App', async () => {
      const lines = await checkWith({ bot_localpart: 'robot' });
      expect(
        lines,
        'Token',
        /^❌ .*as @rocketchat:hs\.test, but .* @robot:hs\.test.*➜ Set .* to rocketchat\./s,
      );
    });

    test('another server name', async () => {
      const lines = await checkWith({ server_name: 'elsewhere.test' });
      expect(lines, 'Token', /^❌ .*➜ Set the \*Server name\* to hs\.test\./s);
    });

    test('another prefix', async () => {
      const lines = await checkWith({ user_prefix: 'chat_' });
      expect(lines, 'Users', /^❌ .*@chat_rocket\.cat:hs\.test.*another prefix.*➜ Save what/s);
    });

    test('somebody else in the namespace', async () => {
      expect(await check(), 'Other people', /^⚠️ .*begin with rc_ .*@rc_mallory:hs\.test\. .*➜ Before/s);
    });

    test('everyday files that are too large', async () => {
      const { settings } = federation.workspace;
      const usual = settings.get('FileUpload_MaxFileSize');
      expect(
        await check(),
        'Files',
        /^✅ .*up to 50\.0 MB, Rocket\.Chat of up to 100\.0 MB; the setting .*8\.0 MB fits\./,
      );
      settings.set('FileUpload_MaxFileSize', 1_048_576);
      expect(await check(), 'Files', /^⚠️ .*Rocket\.Chat of up to 1\.0 MB.*➜ Raise \*Maximum File/s);
      settings.set('FileUpload_MaxFileSize', usual);
    });

    test('clocks that differ', async () => {
      expect(await check(), 'Clock', /^✅/);
      expect(
        await checkThrough(there, { ahead: 30_000 }),
        'Clock',
        /^⚠️ .*by (29|30) seconds .*ahead.*➜ Let both/s,
      );
      expect(await checkThrough(there, { ahead: -90_000 }), 'Clock', /^❌ .*behind.*Rocket\.Chat refuses/s);
    });

    test('no secret', async () => {
      const variable = 'RC_APPS_D687DC95_F49B_44CA_8072_9E8140F3C48C_SECRET';
      expect(await check(), 'Secret', new RegExp(`^⚠️ \`${variable}\` is not set.*➜ .*\`${variable}\``, 's'));
    });
  });

  describe('at a homeserver that knows the App', () => {
    before(() => federation.synapse.replaceRegistrations(registration));

    test('all that is right', async () => {
      const lines = await check();
      for (const name of [
        'Settings',
        'Runtime',
        'Listener',
        'Homeserver',
        'Version',
        'Clock',
        'Token',
        'Users',
      ])
        expect(lines, name, /^✅/);
      expect(lines, 'Way back', /^✅/);
      expect(lines, 'Large transactions', /^✅ one of 1\.2 MB arrives/);
      expect(lines, 'Servers', /^✅ one server/);
    });

    for (const [what, faults, fits] of [
      [
        'something else in its place',
        { status: 404 },
        /^❌ .*something else in its place.*404.*➜ Set \*Where/s,
      ],
      [
        'a proxy that does not find the App',
        { status: 502 },
        /^❌ .*does not find the App.*➜ Have the proxy/s,
      ],
      ['a proxy that keeps the token', { forgetful: true }, /^❌ .*takes the Authorization header away/s],
      ['a proxy that changes the path', { prefix: '/matrix?' }, /^❌ .*under a wrong path/s],
    ] as const) {
      test(what, async () => {
        const lines = await checkThrough(back, faults);
        expect(lines, 'Way back', fits);
        expect(lines, 'Large transactions', /^➖/);
      });
    }

    for (const limit of [102_400, 1_048_576]) {
      test(`a proxy that takes no more than ${limit} bytes`, async () => {
        const lines = await checkThrough(back, { limit });
        expect(lines, 'Way back', /^✅/);
        expect(
          lines,
          'Large transactions',
          /^❌ unsafe: a proxy .*everything from Matrix stops.*client_max_body/s,
        );
      });
    }

    test('a proxy before the homeserver that takes no more', async () => {
      const lines = await checkThrough(there, { limit: 1_048_576 });
      expect(lines, 'Large transactions', /^⚠️ not checked: already on the way to the homeserver.*➜ Let/s);
    });

    test('nobody where the registration says', async () => {
      const port = Number(new URL(back.url).port);
      await back.close();
      expect(await check(), 'Way back', /^❌ .*nobody listening there.*➜ Set \*Where .* listens on 127/s);
      back = await FaultProxy.start(federation.listenPort, port);
    });

    test('a port that another process has', async () => {
      const squatter = createServer().listen(0, '127.0.0.1');
      await once(squatter, 'listening');
      const { port } = squatter.address() as { port: number };
      try {
        const lines = await checkWith({ listen_port: port });
        expect(lines, 'Listener', new RegExp(`^❌ port ${port} is taken by another process.*➜ Find`, 's'));
        expect(lines, 'Way back', /^❌ a proxy .*does not find the App/);
      } finally {
        squatter.close();
      }
    });

    test('what is broken stands in the log once, whatever else breaks', async () => {
      const { settings } = federation.workspace;
      const logged = (words: string): number =>
        federation.log().filter((line) => line.startsWith('Check, ') && line.includes(words)).length;
      // Saving a setting is a start, and also what brings the log to light.
      const expectLine = (words: string): Promise<true> =>
        poll(
          async () => {
            await federation.app.set('typing', true);
            return logged(words) > 0 || undefined;
          },
          { timeout: 30_000, what: `a line with '${words}'` },
        );
      back.faults = { status: 418 };
      await expectLine('status 418');
      settings.set('FileUpload_MaxFileSize', 2_097_152);
      await expectLine('of up to 2.0 MB');
      assert.deepEqual([logged('status 418'), logged('of up to 2.0 MB')], [1, 1]);
      settings.set('FileUpload_MaxFileSize', 104_857_600);
      back.faults = {};
    });

    test('settings reach every server at once', async () => {
      const second = await federation.workspace.startInstance();
      try {
        const first = federation.instance;
        expect(await check(second), 'Listener', /^⚠️ .*another server of the workspace on the same machine/s);
        expect(await check(second), 'Servers', /^✅ 2 servers/);
        await federation.app.set('transport', 'workspace');
        for (const instance of [first, second]) {
          const lines = await check(instance);
          expect(lines, 'Runtime', /^✅ .*as the settings say, Rocket\.Chat calls/);
          expect(lines, 'Homeserver', /^✅/);
        }
        await federation.app.set('transport', 'automatic');
        for (const instance of [first, second])
          expect(await check(instance), 'Runtime', /^✅ .*the App calls by itself/);
      } finally {
        await second.stop();
      }
    });

    test('a setting that cannot work is not saved, and says so in its place', async () => {
      await federation.app.set('homeserver_url', 'matrix.hs.test');
      assert.equal(federation.app.setting('homeserver_url'), there.url);
      assert.equal(federation.app.description('homeserver_url'), 'fault_address');
      await federation.app.set('homeserver_url', there.url);
      assert.equal(federation.app.description('homeserver_url'), 'homeserver_url_description');
    });

    test('a runtime that closes the network', async () => {
      await federation.instance.stop();
      const instance = await federation.workspace.startInstance({ runtime: 'node26' });
      federation.app = instance.app(federation.app.id);
      back.target = Number(new URL(instance.endpointUrl).port);
      back.faults = { prefix: new URL(federation.app.url()).pathname };
      const lines = await checkWith({ appservice_url: federation.app.url() });
      expect(lines, 'Runtime', /^⚠️ Node\.js 26.* closes the network to Apps.*➜ Let Rocket\.Chat run/s);
      expect(lines, 'Listener', /^➖/);
      expect(lines, 'Way back', /^✅/);
      expect(lines, 'Large transactions', /^❌ unsafe: .*no more than 100 KB.*➜ Let Rocket\.Chat run/s);
      const nobody = await checkWith({ transport: 'own' });
      expect(nobody, 'Runtime', /^❌ .*nobody else call.*➜ Set \*Who calls/s);
      expect(nobody, 'Homeserver', /^❌ .*the App may not call it/);
    });
  });

  /** A new homeserver makes its directory by and by, and leaves out those whom an application service may act for. */
  async function directoryIsMade(): Promise<void> {
    const { synapse } = federation;
    const { accessToken } = await synapse.registerUser('root', 'secret of root', { admin: true });
    const headers = { authorization: `Bearer ${accessToken}` };
    await poll(
      async () => {
        const answer = await fetch(`${synapse.baseUrl}/_synapse/admin/v1/background_updates/status`, {
          headers,
        });
        const { current_updates: current } = (await answer.json()) as { current_updates: object };
        return Object.keys(current).length === 0 || undefined;
      },
      { timeout: 120_000, what: 'the directory to be made' },
    );
  }

  /** What an administrator is told; never a token among it. */
  async function check(on?: Instance): Promise<Lines> {
    const lines = await checkLines(federation.workspace, federation.lobby, on);
    const { asToken, hsToken } = federation.registration;
    const text = [...lines.values()].join();
    assert.ok(![asToken, hsToken].some((token) => text.includes(token)));
    return lines;
  }

  /** The same with other settings, which are put back. */
  async function checkWith(settings: Readonly<Record<string, unknown>>): Promise<Lines> {
    const before = Object.fromEntries(Object.keys(settings).map((id) => [id, federation.app.setting(id)]));
    await federation.configure(settings);
    try {
      return await check();
    } finally {
      await federation.configure(before);
    }
  }

  async function checkThrough(proxy: FaultProxy, faults: Faults): Promise<Lines> {
    proxy.faults = faults;
    try {
      return await check();
    } finally {
      proxy.faults = {};
    }
  }
});

function expect(lines: Lines, name: string, fits: RegExp): void {
  assert.match(lines.get(name) ?? `there is no line '${name}'`, fits, [...lines].join('\n'));
}
