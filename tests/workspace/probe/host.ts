/** A whole server in a process of its own, to be killed: says on one line what it started, and waits. */
import { Workspace } from '../index.ts';
import { packProbe, run } from './probe.ts';

const ws = await Workspace.create();
const instance = await ws.startInstance();
const app = await instance.install(packProbe());
const port = await run(
  app,
  `
  return await new Promise((resolve) => {
    const server = require('http').createServer((_, response) => response.end(String(process.ppid)));
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });`,
);
console.log(JSON.stringify({ port, pid: instance.pid(), temp: ws.temp }));
