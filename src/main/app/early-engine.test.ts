/** An engine that was started before the settings were known. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Engine, StartEngineOptions } from '../engine/index.ts';
import { EarlyEngine } from './early-engine.ts';
import { readManifest } from './models.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-early-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** a file of the default model's name and size, which is all that is looked at before it is loaded */
async function placeModel(): Promise<{ path: string; hash: string }> {
  const { models, default: id } = await readManifest();
  const known = models.find((model) => model.id === id);
  if (known === undefined) throw new Error('The manifest has no default model.');
  const path = join(folder, 'models', known.file);
  await mkdir(join(folder, 'models'));
  await writeFile(path, '');
  const { truncate } = await import('node:fs/promises');
  await truncate(path, known.bytes);
  return { path, hash: known.sha256 };
}

function starter() {
  const started: StartEngineOptions[] = [];
  let closed = 0;
  const startEngine = (options: StartEngineOptions): Promise<Engine> => {
    started.push(options);
    // Only `close` is ever called here.
    return Promise.resolve({ close: () => Promise.resolve(void (closed += 1)) } as unknown as Engine);
  };
  return { started, startEngine, closed: () => closed };
}

it('serves the first who wants that very engine; closed, it serves nobody', async () => {
  const { path, hash } = await placeModel();
  const limits = { maxMemoryMB: 1, maxDiskGB: 1 };
  const wanted = {
    ...limits,
    modelPath: path,
    modelHash: hash,
    backend: 'auto',
    dataFolder: folder,
  } as const;
  const taken = starter();
  const early = new EarlyEngine({ dataFolder: folder, limits: () => limits, ...taken }, {});
  await early.start(wanted);
  await early.start(wanted);
  expect(taken.started).toHaveLength(2);
  await early.close();
  expect(taken.closed()).toBe(0);

  const unwanted = starter();
  const other = new EarlyEngine({ dataFolder: folder, limits: () => limits, ...unwanted }, {});
  const closing = [other.close(), other.close()];
  await other.start(wanted);
  await Promise.all(closing);
  expect(unwanted.started).toHaveLength(2);
  expect(unwanted.closed()).toBe(1);
});
