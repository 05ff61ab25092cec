/** The whole app over a tiny random model, with real store, ingest and engine process, in a folder of its own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ChatEvent, LibraryEvent, LibraryReport, Answer } from '../../shared/rpc/index.ts';
import { encodeTinyLlama } from '../formats/testing/index.ts';
import type { App } from './index.ts';
import { openApp } from './index.ts';

export type AskArgs = Parameters<App['handlers']['chat.ask']>[0];
export type AddArgs = Parameters<App['handlers']['library.add']>[0];

export interface TestApp {
  readonly folder: string;
  readonly app: () => App;
  /** writes files below `files/` and returns that folder */
  readonly write: (files: Readonly<Record<string, string>>) => Promise<string>;
  readonly add: (args: Omit<AddArgs, 'paths'> & { paths?: string[] }) => Promise<LibraryReport>;
  readonly ask: (
    args: AskArgs,
    signal?: AbortSignal,
  ) => Promise<{ answer: Answer; events: readonly ChatEvent[] }>;
  /** closes the app and opens it again, as a restart does */
  readonly reopen: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export const never = new AbortController().signal;

/** @param trainedLength T of the tiny model, in bytes: each byte is a token */
export async function openTestApp(trainedLength = 4096): Promise<TestApp> {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-app-'));
  const model = join(folder, 'models', 'tiny.gguf');
  await mkdir(dirname(model));
  await writeFile(model, encodeTinyLlama({ trainedLength }));
  const files = join(folder, 'files');
  const open = (): Promise<App> => openApp({ dataFolder: folder, defaults: { model, backend: 'reference' } });
  let app = await open();
  return {
    folder,
    app: () => app,
    write: async (contents) => {
      for (const [name, text] of Object.entries(contents)) {
        await mkdir(dirname(join(files, name)), { recursive: true });
        await writeFile(join(files, name), text);
      }
      return files;
    },
    add: async (args) => {
      const events = app.handlers['library.add']({ paths: [files], ...args }, { signal: never });
      return reportOf(await Array.fromAsync(events));
    },
    ask: async (args, signal = never) => {
      const events: ChatEvent[] = [];
      for await (const event of app.handlers['chat.ask'](args, { signal })) events.push(event);
      const last = events.at(-1);
      if (last?.kind !== 'done') throw new Error('The turn ended without an answer.');
      return { answer: last.answer, events };
    },
    reopen: async () => {
      await app.close();
      app = await open();
    },
    close: async () => {
      await app.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function reportOf(events: readonly LibraryEvent[]): LibraryReport {
  const last = events.at(-1);
  if (last?.kind !== 'done') throw new Error('The work on the library ended without a report.');
  return last.report;
}
