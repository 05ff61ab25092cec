/**
 * Composition root of the desktop app's core: the use cases on plain Node, as a child process of the shell.
 * `node core.ts [--data DIR] [--safe-mode]`, with an IPC channel. Ends when the shell says so, or is gone.
 */
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { parseArgs } from 'node:util';
import { AppError, toWire } from '../shared/errors.ts';
import { defaultDataFolder } from './app/models.ts';
import { hostPages, openSession } from './host/index.ts';
import { Connections, connectionPort, type PipeMessage } from './host/ports/child.ts';

module.enableCompileCache();

const { values } = parseArgs({
  options: { data: { type: 'string' }, 'safe-mode': { type: 'boolean', default: false } },
});
const dataFolder = values.data ?? defaultDataFolder();
let ending = false;

const session = openSession({
  dataFolder,
  version: version(),
  createApp: async () => {
    const { openApp } = await import('./app/index.ts');
    const app = await openApp({ dataFolder, onNote: log });
    // What a kill cut off goes on by itself, unless the app could not start several times in a row.
    if (values['safe-mode']) await app.pauseUnfinished();
    else app.resume().catch((error: unknown) => log(said(error)));
    return app;
  },
  onWaiting: (calls) => log(`waiting for ${calls} calls of other processes`),
});
const hosting = hostPages(session);
const connections = new Connections({ send }, (connection) => hosting.attach(connectionPort(connection)));

process.on('message', (message: PipeMessage) => {
  if (message.kind === 'quit') void end();
  else connections.receive(message);
});
// The shell was killed: what runs is saved all the same.
process.on('disconnect', () => void end());
process.on('SIGTERM', () => void end());
// Ctrl-C in a terminal reaches the shell too, which says when to end.
process.on('SIGINT', () => {});

// The data folder is opened now, here or through its owner, so that the page finds it open.
try {
  await session.call('app.info', {});
  send({ kind: 'ready', dataFolder });
} catch (error) {
  log(said(error));
  const { message, hint = '' } = toWire(error);
  send({ kind: 'refused', message, hint });
}

async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  await hosting.end().catch((error: unknown) => log(said(error)));
  process.exit(0);
}

function send(message: PipeMessage): void {
  if (process.connected) process.send?.(message);
}

/** Goes to the log file of the shell. */
function log(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`);
}

function said(error: unknown): string {
  if (error instanceof AppError) return `${error.code}: ${error.message} ${error.hint ?? ''}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
