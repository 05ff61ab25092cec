import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createClient, serve, wasNotBegun, type Handlers, type Port } from '../../../shared/rpc/index.ts';
import { fakeApp } from '../testing/fake-app.ts';
import { Connections, connectionPort, type PipeMessage } from './child.ts';
import { memoryPorts } from './memory.ts';
import { socketPort } from './socket.ts';
import { websocketPort } from './websocket.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function socketPorts(): Promise<readonly [Port, Port]> {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-port-'));
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${folder}` : join(folder, 's');
  const accepted = Promise.withResolvers<Port>();
  const server = createServer((socket) => accepted.resolve(socketPort(socket)));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const near = socketPort(connect(path));
  cleanUps.push(() => {
    near.close();
    server.close();
    return rm(folder, { recursive: true, force: true });
  });
  return [near, await accepted.promise];
}

/** As between shell and core: messages as a child process's channel passes them. */
function childPorts(): Promise<readonly [Port, Port]> {
  const accepted = Promise.withResolvers<Port>();
  const toCore = {
    send: (message: PipeMessage) => queueMicrotask(() => core.receive(structuredClone(message))),
  };
  const toShell = {
    send: (message: PipeMessage) => queueMicrotask(() => shell.receive(structuredClone(message))),
  };
  const shell = new Connections(toCore);
  const core = new Connections(toShell, (connection) => accepted.resolve(connectionPort(connection)));
  const near = connectionPort(shell.open());
  return accepted.promise.then((far) => [near, far]);
}

async function websocketPorts(): Promise<readonly [Port, Port]> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const accepted = Promise.withResolvers<Port>();
  server.on('connection', (socket) => accepted.resolve(websocketPort(socket)));
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve) => socket.once('open', resolve));
  cleanUps.push(() => {
    socket.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  return [websocketPort(socket), await accepted.promise];
}

const kinds = [
  ['memory', () => Promise.resolve(memoryPorts())],
  ['socket', socketPorts],
  ['child process', childPorts],
  ['web socket', websocketPorts],
] as const;

describe.each(kinds)('client and server over a %s port', (_name, ports) => {
  async function pair() {
    const [near, far] = await ports();
    const app = fakeApp();
    const serving = serve(far, app.handlers as Handlers);
    return { client: createClient(near), serving, app, near, far };
  }

  it('answers a unary call', async () => {
    const { client } = await pair();
    expect(await client.call('library.list', {})).toEqual([]);
  });

  it('carries an error with code, hint and details', async () => {
    const { client } = await pair();
    await expect(client.call('library.remove', { name: 'moby' })).rejects.toMatchObject({
      code: 'not-found',
      message: 'No library moby.',
      hint: 'See `library list`.',
      details: { name: 'moby' },
    });
  });

  it('refuses arguments that do not fit, naming them, and begins nothing', async () => {
    const { client, app } = await pair();
    const bad = { question: '', sampling: { temperature: 3 } };
    await expect(Array.fromAsync(client.stream('chat.ask', bad))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/question.*sampling\.temperature/) as string,
    });
    expect(app.signals).toEqual([]);
  });

  it('refuses a method that is not in the contract', async () => {
    const [near, far] = await ports();
    serve(far, fakeApp().handlers as Handlers);
    const answer = Promise.withResolvers<unknown>();
    near.onFrame(answer.resolve);
    near.post({ kind: 'call', id: 1, method: 'constructor', args: {}, credit: 1 });
    expect(await answer.promise).toMatchObject({ kind: 'err', error: { code: 'usage' } });
  });

  it('streams everything in order to a slow reader, and joins what a fast one would have seen apart', async () => {
    const { client } = await pair();
    const seen: string[] = [];
    let items = 0;
    for await (const event of client.stream('chat.ask', {
      question: 'count',
      sampling: { maxTokens: 2000 },
    })) {
      items += 1;
      if (event.kind === 'text') seen.push(event.text);
      if (items === 1) await sleep(50);
    }
    expect(seen.join('')).toBe(Array.from({ length: 2000 }, (_, index) => `${index} `).join(''));
  });

  it('holds the producer back when the reader stops: no more is sent than was granted', async () => {
    const [near, far] = await ports();
    const paths = Array.from({ length: 5000 }, (_, index) => `/file ${index}`);
    let produced = 0;
    const handlers: Partial<Handlers> = {
      'library.add': async function* (args) {
        for (const path of args.paths) {
          produced += 1;
          yield { kind: 'file', file: { path, outcome: 'read', reason: null, bytes: 1, tokens: 1 } };
        }
      },
    };
    serve(far, handlers as Handlers);
    const reader = createClient(near).stream('library.add', { name: 'x', paths })[Symbol.asyncIterator]();
    await reader.next();
    await sleep(100);
    expect(produced).toBeLessThan(64 + 256 + 3);
    const rest: unknown[] = [];
    for (let step = await reader.next(); !step.done; step = await reader.next()) rest.push(step.value);
    expect(rest.length).toBe(4999);
  });

  it('cancels by signal, and still delivers what the handler has to say', async () => {
    const { client, app } = await pair();
    const abort = new AbortController();
    const events: string[] = [];
    const read = async () => {
      for await (const event of client.stream('chat.ask', { question: 'wait' }, abort.signal)) {
        events.push(event.kind);
        abort.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'interrupted' });
    expect(events).toEqual(['queue']);
    expect(app.signals[0]?.aborted).toBe(true);
  });

  it('cancels when the reader leaves the loop', async () => {
    const { client, app, serving } = await pair();
    for await (const _ of client.stream('chat.ask', { question: 'wait' })) break;
    while (serving.running > 0) await sleep(5);
    expect(app.signals[0]?.aborted).toBe(true);
  });

  it('aborts the handler when the connection closes, and tells the caller', async () => {
    const { client, app, far } = await pair();
    const read = async () => {
      for await (const _ of client.stream('chat.ask', { question: 'wait' })) far.close();
    };
    await expect(read()).rejects.toMatchObject({ code: 'engine-lost' });
    await sleep(10);
    expect(app.signals[0]?.aborted).toBe(true);
  });

  it('drains: finishes what runs, begins nothing more, and says which is which', async () => {
    const { client, serving } = await pair();
    const events = client.stream('library.add', { name: 'slow', paths: ['/a'] })[Symbol.asyncIterator]();
    expect(await events.next()).toMatchObject({ value: { kind: 'file' } });
    const drained = serving.drain();
    const late = await client.call('library.list', {}).catch((error: unknown) => error);
    expect(wasNotBegun(late)).toBe(true);
    expect(await events.next()).toMatchObject({ value: { kind: 'progress' } });
    expect(await events.next()).toMatchObject({ done: true });
    await drained;
  });
});

it('drops a peer that does not speak the protocol', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-port-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${folder}` : join(folder, 's');
  const server = createServer((socket) => serve(socketPort(socket), fakeApp().handlers as Handlers));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const stranger = connect(path);
  stranger.write('GET / HTTP/1.1\r\n\r\n');
  await new Promise((resolve) => stranger.once('close', resolve));
  server.close();
});
