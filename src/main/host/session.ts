/**
 * How a command reaches the use cases: in this process when it can own the data folder, through the owner
 * otherwise. An owner that leaves hands its place to whoever calls next.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../shared/errors.ts';
import { contract, createClient, serve, wasNotBegun } from '../../shared/rpc/index.ts';
import type { CallContext, Client, Handlers, Method, Serving } from '../../shared/rpc/index.ts';
import { connectTo, readOwner, tryOwn, type OwnerRecord, type Ownership } from './owner.ts';
import { memoryPorts } from './ports/memory.ts';
import { socketPort } from './ports/socket.ts';

/** An owner that has not answered by then is stopped, stuck or swapping: the user decides. */
const ANSWER_WITHIN_MS = 5_000;

/** What `createApp` gives; 'app.info' is the host's own. */
export interface App {
  readonly handlers: Omit<Handlers, 'app.info'>;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly dataFolder: string;
  readonly version: string;
  /** called when this process has become the owner, once */
  readonly createApp: () => Promise<App>;
  /** called when this process is done, and others still work through it */
  readonly onWaiting?: (calls: number) => void;
}

export interface Session extends Client {
  /** as owner: waits for the calls of others, closes the app, gives the folder up */
  end(): Promise<void>;
}

interface Connection {
  readonly client: Client;
  end(): Promise<void>;
}

/** Opens nothing yet: the first call finds or becomes the owner. */
export function openSession(options: SessionOptions): Session {
  let current: Promise<Connection> | null = null;
  const connection = () => {
    current ??= acquire(options).catch((error: unknown) => {
      current = null;
      throw error;
    });
    return current;
  };
  /** After a call that was not begun: the owner has left, the next attempt looks for another. */
  const leave = async () => {
    const left = current;
    current = null;
    await (await left)?.end();
  };

  return {
    call: async (method, args, signal) => {
      for (;;) {
        try {
          return await (await connection()).client.call(method, args, signal);
        } catch (error) {
          if (!wasNotBegun(error)) throw error;
          await leave();
        }
      }
    },
    stream: async function* (method, args, signal) {
      for (;;) {
        try {
          yield* (await connection()).client.stream(method, args, signal);
          return;
        } catch (error) {
          if (!wasNotBegun(error)) throw error;
          await leave();
        }
      }
    },
    close: () => void leave(),
    end: leave,
  };
}

async function acquire(options: SessionOptions): Promise<Connection> {
  let pid: number | undefined;
  let deadline = 0;
  for (;;) {
    const owner = await readOwner(options.dataFolder);
    // Each owner has its own time: among many short commands the folder changes hands all the while.
    if (deadline === 0 || owner?.pid !== pid) deadline = performance.now() + ANSWER_WITHIN_MS;
    pid = owner?.pid;
    const connected = owner && (await connectToOwner(owner, options.dataFolder, deadline));
    if (connected) return connected;
    const owned = await becomeOwner(options);
    if (owned) return owned;
    if (performance.now() > deadline) throw unanswered(options.dataFolder, owner);
    // Somebody is just starting or just leaving. Not all waiters at the same moment.
    await sleep(10 + Math.random() * 40);
  }
}

async function connectToOwner(
  owner: OwnerRecord,
  dataFolder: string,
  deadline: number,
): Promise<Connection | null> {
  const socket = await connectTo(owner, deadline - performance.now());
  if (!socket) return null;
  const client = createClient(socketPort(socket));
  const silent = Promise.withResolvers<'silent'>();
  const timer = setTimeout(() => silent.resolve('silent'), deadline - performance.now());
  const answered = await Promise.race([
    client.call('app.info', {}).then(
      () => 'yes' as const,
      () => 'left' as const, // between connection and question
    ),
    silent.promise,
  ]);
  clearTimeout(timer);
  if (answered === 'yes') return { client, end: () => Promise.resolve(client.close()) };
  socket.destroy();
  if (answered === 'silent') throw unanswered(dataFolder, owner);
  return null;
}

function unanswered(dataFolder: string, owner: OwnerRecord | null): AppError {
  const who = owner ? `The process ${owner.pid}, which owns` : 'The process that owns';
  const end = process.platform === 'win32' ? `taskkill /PID ${owner?.pid}` : `kill ${owner?.pid}`;
  return new AppError(
    'busy',
    `${who} the data folder ${dataFolder}, does not answer.`,
    owner
      ? `Wait and try again; or end it (\`${end}\`, with -9 if it must be): nothing that was saved is lost.`
      : 'Wait and try again, or use another folder with --data DIR.',
    { details: owner ? { pid: owner.pid } : {} },
  );
}

async function becomeOwner(options: SessionOptions): Promise<Connection | null> {
  // The app opens when the first call needs it; whoever only asks who owns the folder gets an answer at once.
  let opened: Promise<App> | null = null;
  const app = () => (opened ??= options.createApp());
  const handlers = lazyHandlers(app, options);
  const ownership = await tryOwn(options.dataFolder, handlers);
  if (!ownership) return null;
  const [near, far] = memoryPorts();
  const serving = serve(far, handlers);
  return { client: createClient(near), end: () => giveUp(options, ownership, serving, () => opened) };
}

async function giveUp(
  options: SessionOptions,
  ownership: Ownership,
  own: Serving,
  opened: () => Promise<App> | null,
): Promise<void> {
  own.close();
  if (ownership.running > 0) options.onWaiting?.(ownership.running);
  await ownership.release(async () => {
    // An app that could not be opened has said so to whoever called it.
    const app = await opened()?.catch(() => null);
    await app?.close();
  });
}

/** Handlers that open the app on first use. */
function lazyHandlers(app: () => Promise<App>, options: SessionOptions): Handlers {
  const info = { pid: process.pid, version: options.version, dataFolder: options.dataFolder };
  const entries = Object.entries(contract).map(([method, { kind }]) => {
    if (method === 'app.info') return [method, () => Promise.resolve(info)] as const;
    const handler = async () => (await app()).handlers[method as Exclude<Method, 'app.info'>] as AnyHandler;
    return [method, kind === 'stream' ? lazyStream(handler) : lazyUnary(handler)] as const;
  });
  // One entry per method of the contract, of that method's kind; TypeScript cannot follow that through entries.
  return Object.fromEntries(entries) as unknown as Handlers;
}

type AnyHandler = (args: object, context: CallContext) => Promise<unknown> & AsyncIterable<unknown>;

function lazyUnary(handler: () => Promise<AnyHandler>) {
  return async (args: object, context: CallContext) => (await handler())(args, context);
}

function lazyStream(handler: () => Promise<AnyHandler>) {
  return async function* (args: object, context: CallContext) {
    yield* (await handler())(args, context);
  };
}
