/**
 * How fast this machine is with one model, by a measurement of a few seconds: what the speed of other models is
 * estimated from. Kept in the data folder as machine-speed.json; another processor makes it void.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Engine } from '../engine/index.ts';
import { geometryOf, preset } from '../engine/index.ts';

const positive = v.pipe(v.number(), v.minValue(Number.MIN_VALUE));
const speedSchema = v.object({
  cpu: v.string(),
  variant: v.string(),
  threads: v.number(),
  /** the model that was measured: its name, and the bytes that each token goes through */
  model: v.string(),
  weightBytes: positive,
  prefillTokensPerSecond: positive,
  decodeTokensPerSecond: positive,
  measuredAt: v.string(),
});
export type MachineSpeed = v.InferOutput<typeof speedSchema>;

/** Each is short enough for a large model, and long enough for full chunks of rows. */
const READ = 128;
const GENERATED = 12;
const REPEATS = 2;

const sampling = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  repetitionWindow: 0,
  seed: 1,
  maxTokens: GENERATED,
} as const;

/**
 * Reads and generates a little with a running engine; the better of two, for other programs only ever slow it down.
 * @throws AppError of the engine, 'interrupted'
 */
export async function measureSpeed(
  engine: Engine,
  model: { readonly name: string; readonly weightBytes: number },
  signal?: AbortSignal,
): Promise<MachineSpeed> {
  const { info } = engine;
  const plan = preset('window', geometryOf(info.hyperparameters));
  // Any ids do: the time of a token does not depend on which one it is.
  const ids = Int32Array.from({ length: READ }, (_, i) => (i * 7919) % info.hyperparameters.vocabulary);
  let readMs = Infinity;
  let tokenMs = Infinity;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const { state } = await engine.open({ plan, ids: new Int32Array(0), useStored: false }, signal);
    try {
      const start = performance.now();
      await engine.prefill(state, ids, { priority: 'chat', ...(signal === undefined ? {} : { signal }) });
      readMs = Math.min(readMs, performance.now() - start);
      tokenMs = Math.min(tokenMs, await msPerToken(engine, state, signal));
    } finally {
      await engine.release(state);
    }
  }
  return {
    cpu: cpuName(),
    variant: info.variant,
    threads: info.threads,
    model: model.name,
    weightBytes: model.weightBytes,
    prefillTokensPerSecond: (1000 * READ) / readMs,
    decodeTokensPerSecond: 1000 / tokenMs,
    measuredAt: new Date().toISOString(),
  };
}

async function msPerToken(engine: Engine, state: number, signal?: AbortSignal): Promise<number> {
  const start = performance.now();
  let last = start;
  let tokens = 0;
  for await (const { id } of engine.generate(
    { state, sampling, stop: [], priority: 'chat', drafts: false },
    signal,
  )) {
    if (id >= 0) tokens++;
    last = performance.now();
  }
  return (last - start) / tokens;
}

export async function saveSpeed(dataFolder: string, speed: MachineSpeed): Promise<void> {
  await writeFile(speedFile(dataFolder), `${JSON.stringify(speed, null, 2)}\n`);
}

/** null: never measured with this processor */
export async function readSpeed(dataFolder: string): Promise<MachineSpeed | null> {
  try {
    const speed = v.parse(speedSchema, JSON.parse(await readFile(speedFile(dataFolder), 'utf8')));
    return speed.cpu === cpuName() ? speed : null;
  } catch {
    return null;
  }
}

function speedFile(dataFolder: string): string {
  return join(dataFolder, 'machine-speed.json');
}

function cpuName(): string {
  return cpus()[0]?.model.trim() ?? process.arch;
}
