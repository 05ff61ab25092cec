/** The worker thread that holds the only writing connection to longleaf.db. */
import { parentPort, workerData } from 'node:worker_threads';

import { toWire } from '../../shared/errors.ts';
import { newestBackup } from './backup.ts';
import { classifyError } from './errors.ts';
import { Executor } from './executor.ts';
import { databasePaths, openDatabase } from './open.ts';
import type { Call, Reply, WorkerOptions } from './protocol.ts';
import { ensureReserve, releaseReserve } from './reserve.ts';
import { restoreIfAsked } from './restore.ts';
import { createSyncStore, type SyncStore } from './sync-store.ts';

const port = parentPort;
if (port === null) throw new Error('store/worker.ts runs as a worker thread only');
const { dataFolder } = workerData as WorkerOptions;
const paths = databasePaths(dataFolder);

function send(reply: Reply): void {
  port?.postMessage(reply);
}

function start(): void {
  const note = restoreIfAsked(paths);
  const db = openDatabase(paths);
  const store = createSyncStore(db, paths);
  const executor = new Executor({
    db,
    store,
    classify: (error) => classifyError(error, paths.file, newestBackup(paths.backupFolder)),
    releaseReserve: () => releaseReserve(paths.reserveFile),
  });
  let waiting: Call[] = [];
  const drain = (): void => {
    const calls = waiting;
    waiting = [];
    for (const reply of executor.run(calls)) send(reply);
    if (!db.open) port?.close();
  };
  port?.on('message', (call: Call) => {
    if (waiting.push(call) === 1) setImmediate(drain);
  });
  send({ kind: 'ready', methods: Object.keys(store) as (keyof SyncStore)[], note });
  setImmediate(() => ensureReserve(paths.reserveFile));
}

try {
  start();
} catch (error) {
  send({ kind: 'failed', error: toWire(error) });
}
