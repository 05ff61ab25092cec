/** The program as a user starts it: a process of its own, a data folder of its own, the real model. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultDataFolder, modelsFolder } from '../src/main/app/models.ts';

const cli = fileURLToPath(new URL('../src/main/cli.ts', import.meta.url));

/** LONGLEAF_MODEL, else the default model where `npm start` puts it. */
export const model =
  process.env['LONGLEAF_MODEL'] || join(modelsFolder(defaultDataFolder()), 'SmolLM2-135M-Instruct.Q4_1.gguf');
/** The plain kernels read 8 tokens a second: an answer from a library takes minutes, all of these tests hours. */
const tooSlow = process.env['LONGLEAF_SIMD'] === 'scalar';
/** For `describe.skipIf` and its title. */
export const noModel = !existsSync(model) || tooSlow;
export const skippedWithoutModel = tooSlow
  ? ' (skipped with LONGLEAF_SIMD=scalar: answers of the default model would take hours)'
  : noModel
    ? ' (skipped: the default model is missing; `npm start` fetches it)'
    : '';

export const testData =
  process.env['LONGLEAF_TEST_DATA'] || fileURLToPath(new URL('../../shared/data', import.meta.url));
export const noTestData = !existsSync(testData);
export const skippedWithoutTestData = noTestData ? ' (skipped: no test data; set LONGLEAF_TEST_DATA)' : '';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as one JSON value */
  json(): unknown;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** resolves when `text` has been written to stdout or stderr; rejects when the process ends before */
  saw(text: string | RegExp): Promise<void>;
}

export interface Terminal {
  readonly dataFolder: string;
  /** runs to the end */
  run(...args: readonly string[]): Promise<Ended>;
  start(args: readonly string[], input?: string): Running;
  /** kills what still runs, removes the data folder */
  close(): Promise<void>;
}

/** A terminal with a fresh data folder. */
export async function openTerminal(): Promise<Terminal> {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-e2e-'));
  const dataFolder = join(folder, 'data');
  const running = new Set<ChildProcess>();
  const start = (args: readonly string[], input = ''): Running => {
    const env = {
      ...process.env,
      // not the models of whoever runs the tests
      HOME: folder,
      XDG_DATA_HOME: join(folder, 'share'),
      APPDATA: join(folder, 'share'),
      LONGLEAF_DATA: dataFolder,
      LONGLEAF_MODEL: model,
      LONGLEAF_STARTED_AT: String(Date.now()),
    };
    const child = spawn(process.execPath, [cli, ...args], { env });
    running.add(child);
    const watched = watch(child);
    void watched.ended.then(() => running.delete(child));
    child.stdin.on('error', () => {}); // the process may end without reading it
    child.stdin.end(input);
    return watched;
  };
  return {
    dataFolder,
    start,
    run: (...args) => start(args).ended,
    close: async () => {
      for (const child of running) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function watch(child: ChildProcess): Running {
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const add = (text: string, isResult: boolean) => {
    if (isResult) stdout += text;
    else stderr += text;
    for (const look of watchers) look();
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => add(text, true));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => add(text, false));
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr, json: () => JSON.parse(stdout) as unknown })),
  );
  const saw = (wanted: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (stdout.search(wanted) < 0 && stderr.search(wanted) < 0) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
      void ended.then(() => reject(new Error(`It ended without ${String(wanted)}:\n${stdout}\n${stderr}`)));
    });
  return { child, ended, saw };
}
