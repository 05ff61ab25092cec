/**
 * kill -9 of the engine or of the core at any moment: the next start resumes, reads no more than one checkpoint
 * interval again, and ends with the checksum of an undisturbed run.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import type { ReaderEvent, ReaderOptions } from './testing/reader.ts';
import { tinyModel } from './testing/tiny-engine.ts';

const TOKENS = 1500;
const INTERVAL = 250;

/** On cpu the keys and values are so many that a state has several pages of 4 MB: kills hit between them too. */
const models = {
  reference: tinyModel({ trainedLength: 4096 }),
  cpu: tinyModel({ trainedLength: 4096, layers: 4, heads: 6, kvHeads: 6, headDim: 128 }),
};
afterAll(() => Object.values(models).forEach((model) => model.remove()));

interface Run {
  readonly events: ReaderEvent[];
  readonly engineEnded: boolean;
}

/** Runs the reader until it ends, or kills it or its engine as soon as `when` says so. */
async function run(
  backend: ReaderOptions['backend'],
  dataFolder: string,
  kill?: { who: 'core' | 'engine'; when: (event: ReaderEvent) => boolean; afterMs: number },
): Promise<Run> {
  mkdirSync(dataFolder, { recursive: true });
  const options: ReaderOptions = {
    backend,
    modelPath: models[backend].modelPath,
    dataFolder,
    tokens: TOKENS,
    interval: INTERVAL,
  };
  const script = fileURLToPath(new URL('./testing/reader.ts', import.meta.url));
  const core = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolve) => core.on('close', resolve));
  const events: ReaderEvent[] = [];
  let enginePid = 0;
  let isKilled = false;
  for await (const line of createInterface({ input: core.stdout })) {
    const event = JSON.parse(line) as ReaderEvent;
    events.push(event);
    if (event.event === 'ready') enginePid = event.pid;
    if (isKilled || !kill?.when(event)) continue;
    isKilled = true;
    setTimeout(() => killNow(kill.who === 'core' ? core.pid! : enginePid), kill.afterMs);
  }
  await ended;
  return { events, engineEnded: await hasEnded(enginePid) };
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had finished a moment before.
  }
}

/** The engine of a killed core ends when its thread comes back from what it computes: seconds on a busy machine. */
async function hasEnded(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

function checksumOf({ events }: Run): string | undefined {
  const last = events.at(-1);
  return last?.event === 'done' ? last.checksum : undefined;
}
const savedAt = ({ events }: Run): number =>
  Math.max(0, ...events.map((event) => (event.event === 'saved' ? event.position : 0)));
const reusedAt = ({ events }: Run): number =>
  Math.max(0, ...events.map((event) => (event.event === 'ready' ? event.reused : 0)));

it.each(['reference', 'cpu'] as const)(
  'resumes on %s after kills while reading and while saving, to the same checksum',
  async (backend) => {
    const { folder: root } = models[backend];
    const undisturbed = checksumOf(await run(backend, join(root, 'undisturbed')));
    expect(undisturbed).toMatch(/^[0-9a-f]{64}$/);

    const folder = join(root, 'killed');
    let saved = 0;
    for (let round = 0; round < 6; round++) {
      const phase = round % 2 === 0 ? 'read' : 'saving';
      const target = 120 + round * 200;
      const result = await run(backend, folder, {
        who: round % 4 < 2 ? 'engine' : 'core',
        when: (event) => event.event === phase && event.position >= target,
        afterMs: [0, 5, 15, 40][round % 4],
      });
      expect(checksumOf(result) ?? undisturbed).toBe(undisturbed);
      expect(result.engineEnded).toBe(true);
      // What was reported as saved is there: no more than one interval is read again.
      expect(reusedAt(result)).toBeGreaterThanOrEqual(saved);
      saved = Math.max(saved, savedAt(result));
    }
    const last = await run(backend, folder);
    expect(reusedAt(last)).toBeGreaterThanOrEqual(saved);
    expect(checksumOf(last)).toBe(undisturbed);
  },
);
