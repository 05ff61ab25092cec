/**
 * kill -9 of the engine or of the core at any moment: the next start resumes, reads no more than one checkpoint
 * interval again, and ends with the checksum of an undisturbed run.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReaderEvent, ReaderOptions } from './testing/reader.ts';
import { tinyModel } from './testing/tiny-engine.ts';

const TOKENS = 3000;
const INTERVAL = 500;

let model: ReturnType<typeof tinyModel>;
beforeAll(() => {
  model = tinyModel({ trainedLength: 4096 });
});
afterAll(() => model.remove());

interface Run {
  readonly events: ReaderEvent[];
  readonly engineEnded: boolean;
}

/** Runs the reader until it ends, or kills it or its engine as soon as `when` says so. */
async function run(
  dataFolder: string,
  kill?: { who: 'core' | 'engine'; when: (event: ReaderEvent) => boolean; afterMs: number },
): Promise<Run> {
  mkdirSync(dataFolder, { recursive: true });
  const options: ReaderOptions = {
    modelPath: model.modelPath,
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
    setTimeout(() => process.kill(kill.who === 'core' ? core.pid! : enginePid, 'SIGKILL'), kill.afterMs);
  }
  await ended;
  return { events, engineEnded: await hasEnded(enginePid) };
}

async function hasEnded(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

const resultOf = ({ events }: Run): ReaderEvent | undefined => events.find(({ event }) => event === 'done');
const savedAt = ({ events }: Run): number =>
  Math.max(0, ...events.map((event) => (event.event === 'saved' ? event.position : 0)));
const reusedAt = ({ events }: Run): number =>
  Math.max(0, ...events.map((event) => (event.event === 'ready' ? event.reused : 0)));

it('resumes after kills while reading and while saving, to the same checksum', async () => {
  const undisturbed = resultOf(await run(join(model.folder, 'undisturbed')));
  expect(undisturbed).toMatchObject({ checksum: expect.stringMatching(/^[0-9a-f]{64}$/) });

  const folder = join(model.folder, 'killed');
  let saved = 0;
  for (let round = 0; round < 8; round++) {
    const phase = round % 2 === 0 ? 'read' : 'saving';
    const target = 250 + round * 300;
    const result = await run(folder, {
      who: round % 4 < 2 ? 'engine' : 'core',
      when: (event) => event.event === phase && event.position >= target,
      afterMs: [0, 1, 3, 7][round % 4],
    });
    expect(resultOf(result)).toBeUndefined();
    expect(result.engineEnded).toBe(true);
    // What was reported as saved is there, and not more than what was computed.
    expect(reusedAt(result)).toBeGreaterThanOrEqual(saved);
    saved = Math.max(saved, savedAt(result));
  }
  const last = await run(folder);
  expect(reusedAt(last)).toBeGreaterThanOrEqual(saved);
  expect(resultOf(last)).toMatchObject({ checksum: (undisturbed as { checksum: string }).checksum });
}, 120_000);
