/** The core as a child process: plain Node with an IPC channel (docs/decisions/0001-processes.md says why). */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Connections, type Connection, type PipeMessage } from '../host/ports/child.ts';
import type { Supervised } from './supervisor.ts';

export interface CoreOptions {
  /** the packaged Node; never Electron's own */
  readonly node: string;
  readonly entry: string;
  readonly args: readonly string[];
  /** gets what the core says on stderr; begun anew at 5 MB, the last one kept beside it */
  readonly logFile: string;
  readonly onReady: (dataFolder: string) => void;
  readonly onRefused: (message: string, hint: string) => void;
}

export interface CoreProcess extends Supervised {
  /** a connection for a page; it closes when the core ends */
  connect(): Connection;
  /** asks it to save and end; killed after `withinMs` */
  quit(withinMs: number): Promise<void>;
}

const LONGEST_LOG = 5 * 2 ** 20;

export function startCore(options: CoreOptions): CoreProcess {
  const child = spawn(options.node, [options.entry, ...options.args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: environment(),
    windowsHide: true,
  });
  const log = openLog(options.logFile);
  child.stdout?.on('data', (text: Buffer) => log.write(text));
  child.stderr?.on('data', (text: Buffer) => log.write(text));

  const send = (message: PipeMessage) => {
    // a channel that has just broken reports 'exit' next
    if (child.connected) child.send(message, () => {});
  };
  const connections = new Connections({ send });
  child.on('message', (message) => {
    // The other end is our own program (core.ts), started a moment ago.
    const known = message as PipeMessage;
    if (known.kind === 'ready') options.onReady(known.dataFolder);
    else if (known.kind === 'refused') options.onRefused(known.message, known.hint);
    else connections.receive(known);
  });
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  }).then((reason) => {
    connections.end();
    log.end(`core ended: ${reason}\n`);
    return reason;
  });
  return {
    ended,
    connect: () => connections.open(),
    quit: async (withinMs) => {
      send({ kind: 'quit' });
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Without what makes a Node of Electron's, or of a debugger's. */
function environment(): NodeJS.ProcessEnv {
  const { ELECTRON_RUN_AS_NODE: _, NODE_OPTIONS: __, ...rest } = process.env;
  return rest;
}

function openLog(file: string) {
  mkdirSync(dirname(file), { recursive: true });
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LONGEST_LOG) renameSync(file, `${file}.1`);
  const log = createWriteStream(file, { flags: 'a', mode: 0o600 });
  log.on('error', () => {}); // a full disk must not end the app
  return log;
}
