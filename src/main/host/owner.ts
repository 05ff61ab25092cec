/**
 * One process owns a data folder: it holds the lock, runs the app and listens on a local socket; others do
 * their work through it. Where the socket is stands in owner.json.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import { serve, type Handlers, type Serving } from '../../shared/rpc/index.ts';
import { tryLock, type FolderLock } from '../store/index.ts';
import { socketPort } from './ports/socket.ts';

/** sun_path holds 108 bytes on Linux and 104 on macOS, with the final NUL. */
const LONGEST_SOCKET_PATH = 100;

const ownerFile = v.object({ pid: v.number(), socket: v.string() });
export type OwnerRecord = v.InferOutput<typeof ownerFile>;

export interface Ownership {
  /** calls of other processes that have not ended */
  readonly running: number;
  /** begins no more work for others, waits for what runs, calls `finish`, gives the folder up */
  release(finish: () => Promise<void>): Promise<void>;
}

/** What owner.json says; null when it says nothing. The process it names may be gone. */
export async function readOwner(dataFolder: string): Promise<OwnerRecord | null> {
  try {
    const parsed = v.safeParse(ownerFile, JSON.parse(await readFile(join(dataFolder, 'owner.json'), 'utf8')));
    return parsed.success ? parsed.output : null;
  } catch {
    return null; // not there, or half a file of a full disk: the lock decides
  }
}

/** A connection to the owner; null when nobody listens there (any more). */
export function connectTo(owner: OwnerRecord, timeoutMs: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(owner.socket);
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('close');
      resolve(socket);
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
}

/**
 * Takes the data folder and serves `handlers` to other processes; null when another process has it.
 * @throws AppError 'invalid-input' when the folder cannot be made or written
 */
export async function tryOwn(dataFolder: string, handlers: Handlers): Promise<Ownership | null> {
  const lock = await lockFolder(dataFolder);
  if (!lock) return null;
  try {
    const connections = new Set<Serving>();
    const { server, socket } = await listen(dataFolder, (connection) => {
      const port = socketPort(connection);
      const serving = serve(port, handlers);
      connections.add(serving);
      connection.once('close', () => connections.delete(serving));
    });
    await writeOwner(dataFolder, { pid: process.pid, socket });
    return {
      get running() {
        return [...connections].reduce((sum, serving) => sum + serving.running, 0);
      },
      release: async (finish) => {
        const closed = new Promise((resolve) => server.close(resolve));
        await Promise.all([...connections].map((serving) => serving.drain()));
        await closed;
        try {
          await finish();
        } finally {
          await rm(join(dataFolder, 'owner.json'), { force: true });
          lock.release();
        }
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function lockFolder(dataFolder: string): Promise<FolderLock | null> {
  try {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    return await tryLock(join(dataFolder, 'lock.db'));
  } catch (error) {
    throw new AppError(
      'invalid-input',
      `The data folder ${dataFolder} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
      'Check its permissions and the disk, or choose another folder with --data DIR.',
      { cause: error },
    );
  }
}

/** Only the holder of the lock comes here, so a socket that lies there is left over and may go. */
async function listen(
  dataFolder: string,
  onConnection: (socket: Socket) => void,
): Promise<{ server: Server; socket: string }> {
  const failures: unknown[] = [];
  for (const place of socketPlaces(dataFolder)) {
    const socket = await place();
    if (socket === null) continue;
    const server = createServer(onConnection);
    try {
      if (process.platform !== 'win32') await rm(socket, { force: true });
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(socket, resolve);
      });
      return { server, socket };
    } catch (error) {
      failures.push(error); // a file system without sockets: the next place
    }
  }
  throw new AppError('internal', `No local socket could be opened for ${dataFolder}.`, undefined, {
    cause: failures[0],
  });
}

/** Where the socket may lie: in the data folder where its path is short enough, else in a private folder. */
function socketPlaces(dataFolder: string): readonly (() => Promise<string | null>)[] {
  if (process.platform === 'win32') {
    const name = createHash('sha256').update(dataFolder.toLowerCase()).digest('hex').slice(0, 32);
    return [() => Promise.resolve(`\\\\.\\pipe\\longleaf-${name}`)];
  }
  const inside = join(dataFolder, 'owner.sock');
  return [
    () => Promise.resolve(Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH ? inside : null),
    async () => join(await mkdtemp(join(tmpdir(), 'longleaf-')), 'owner.sock'),
  ];
}

async function writeOwner(dataFolder: string, record: OwnerRecord): Promise<void> {
  const part = join(dataFolder, `owner.json.${process.pid}.part`);
  await writeFile(part, JSON.stringify(record), { mode: 0o600 });
  await rename(part, join(dataFolder, 'owner.json'));
}
