/** One reading of the text with stops, by llama.cpp and by Longleaf: how long to there, how long a token from there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchModel } from '../../src/main/bench/index.ts';
import { geometryOf, preset, startEngine } from '../../src/main/engine/index.ts';
import type { BenchEngine, StateHandle } from '../../src/main/engine/index.ts';
import { startLlamaCpp } from '../llama-cpp-process.ts';
import type { LlamaCppProcess } from '../llama-cpp-process.ts';
import type { FarPoint, OurRound, PlanName, Point, Reopening, Session, Settings } from './results.ts';

export interface Reading {
  readonly model: BenchModel;
  /** at least as many as the last stop */
  readonly ids: Int32Array;
  /** ascending */
  readonly stops: readonly number[];
  /** generated at each stop, and forgotten again */
  readonly decodeTokens: number;
  readonly signal: AbortSignal;
}

/** Tokens until both have their threads, their memory and their clock. */
const WARM_UP = 128;
/** Room for a state and the fork that generates; with one state only, the process holds that one. */
const STATES_MB = 2000;
/** The first stop is short: the better of so many readings. */
const FIRST_STOP_READINGS = 3;

const plain = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  repetitionWindow: 0,
  seed: 1,
} as const;

/** @throws Error when the signal ended it */
export async function readWithLlamaCpp(reading: Reading, settings: Settings): Promise<Session> {
  const { ids, stops, decodeTokens } = reading;
  const contextSize = (stops.at(-1) ?? 0) + decodeTokens + 64;
  return withLlamaCpp(reading, settings, contextSize, async (llama) => {
    await llama.prefill(ids.subarray(0, WARM_UP));
    const points: Point[] = [];
    let at = 0;
    let prefillMs = 0;
    for (const tokens of stops) {
      const stretch = ids.subarray(at, tokens);
      prefillMs +=
        at === 0 ? await quickest(async () => llama.prefill(stretch)) : await llama.readOn(stretch);
      at = tokens;
      const decodeMs = (await llama.decode(decodeTokens)) / decodeTokens;
      await llama.backTo(tokens);
      points.push({ tokens, prefillMs, decodeMs });
    }
    const library = await llama.library();
    return { settings, points, library };
  });
}

/** ms until a text that was read before is there again: process, model, file of the keys and values */
export async function reopenLlamaCpp(
  reading: Reading,
  settings: Settings,
  starts: number,
): Promise<Reopening> {
  const { ids } = reading;
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-peers-'));
  const file = join(folder, 'state.bin');
  try {
    const contextSize = ids.length + 64;
    const read = await withLlamaCpp(reading, settings, contextSize, async (llama) => {
      await llama.prefill(ids);
      return { peakMemoryMB: await llama.peakMemoryMB(), stateMB: (await llama.save(file)) / 1e6 };
    });
    const modelReadyMs: number[] = [];
    const restoredMs: number[] = [];
    for (let start = 0; start < starts; start++) {
      const asked = performance.now();
      await withLlamaCpp(reading, settings, contextSize, async (llama) => {
        modelReadyMs.push(performance.now() - asked);
        restoredMs.push(await llama.restore(file));
      });
    }
    return { ...read, modelReadyMs, restoredMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withLlamaCpp<T>(
  { model, signal }: Reading,
  settings: Settings,
  contextSize: number,
  work: (llama: LlamaCppProcess) => Promise<T>,
): Promise<T> {
  const llama = await startLlamaCpp(model.path, { ...settings, contextSize });
  const stop = (): void => llama.close();
  signal.addEventListener('abort', stop);
  try {
    return await work(llama);
  } finally {
    signal.removeEventListener('abort', stop);
    llama.close();
  }
}

/** The text read with each plan in one process, each time from an empty state. @param stops of each plan */
export async function readWithLongleaf(
  reading: Reading,
  stops: Readonly<Record<PlanName, readonly number[]>>,
): Promise<OurRound> {
  return withLongleaf(reading, null, async (engine) => {
    const warm = await emptyState(engine, 'dense');
    await engine.prefill(warm, reading.ids.subarray(0, WARM_UP), { priority: 'chat' });
    await engine.release(warm);
    const dense = await ourPoints(engine, { ...reading, stops: stops.dense }, 'dense');
    const window = await ourPoints(engine, { ...reading, stops: stops.window }, 'window');
    const adapted = await ourPoints(engine, { ...reading, stops: stops.adapted }, 'adapted');
    const { variant, threads, device } = engine.info;
    return { engine: { variant, threads, device }, plans: { dense, window, adapted } };
  });
}

async function ourPoints(engine: BenchEngine, reading: Reading, plan: PlanName): Promise<Point[]> {
  const { ids, stops, decodeTokens, signal } = reading;
  const points: Point[] = [];
  let state = await emptyState(engine, plan);
  let at = 0;
  let prefillMs = 0;
  for (const tokens of stops) {
    const read = async (): Promise<number> => {
      if (at === 0) {
        await engine.release(state);
        state = await emptyState(engine, plan);
      }
      const start = performance.now();
      await engine.prefill(state, ids.subarray(at, tokens), { priority: 'chat', signal });
      return performance.now() - start;
    };
    prefillMs += at === 0 && stops.length > 1 ? await quickest(read) : await read();
    at = tokens;
    const fork = await engine.fork(state);
    points.push({ tokens, prefillMs, decodeMs: await decodeMs(engine, fork, decodeTokens, signal) });
    await engine.release(fork);
  }
  await engine.release(state);
  return points;
}

/**
 * Reading and generating after a context that nobody waits for: the rings are filled with noise, which changes what
 * comes out and not how long it takes.
 * @param tokens read to know what one costs
 */
export async function farPoints(
  reading: Reading,
  lengths: readonly number[],
  tokens: number,
): Promise<FarPoint[]> {
  const { ids, decodeTokens, signal } = reading;
  return withLongleaf(reading, null, async (engine) => {
    const points: FarPoint[] = [];
    for (const plan of ['window', 'adapted'] as const) {
      for (const length of lengths) {
        const compiled = preset(plan, geometryOf(engine.info.hyperparameters));
        const state = await engine.openSynthetic(compiled, length - tokens, 1);
        const start = performance.now();
        await engine.prefill(state, ids.subarray(0, tokens), { priority: 'chat', signal });
        const readMs = (performance.now() - start) / tokens;
        points.push({
          plan,
          tokens: length,
          readMs,
          decodeMs: await decodeMs(engine, state, decodeTokens, signal),
        });
        await engine.release(state);
      }
    }
    return points;
  });
}

/** The same as `reopenLlamaCpp`, with a state of the plan `adapted` in state.db. */
export async function reopenLongleaf(reading: Reading, starts: number): Promise<Reopening> {
  const { ids, signal } = reading;
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-peers-'));
  try {
    const read = await withLongleaf(reading, folder, async (engine) => {
      const state = await emptyState(engine, 'adapted');
      await engine.prefill(state, ids, { priority: 'chat', signal });
      const peakMemoryMB = Math.round((await engine.memory()).peakResident / 1e6);
      return { peakMemoryMB, stateMB: (await engine.snapshot(state, 'peers', signal)).bytes / 1e6 };
    });
    const modelReadyMs: number[] = [];
    const restoredMs: number[] = [];
    for (let start = 0; start < starts; start++) {
      const asked = performance.now();
      await withLongleaf(reading, folder, async (engine) => {
        const ready = performance.now();
        const plan = preset('adapted', geometryOf(engine.info.hyperparameters));
        const { reused } = await engine.open({ plan, ids }, signal);
        if (reused !== ids.length) throw new Error(`Only ${reused} of ${ids.length} tokens were restored.`);
        modelReadyMs.push(ready - asked);
        restoredMs.push(performance.now() - ready);
      });
    }
    return { ...read, modelReadyMs, restoredMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withLongleaf<T>(
  { model, signal }: Reading,
  dataFolder: string | null,
  work: (engine: BenchEngine) => Promise<T>,
): Promise<T> {
  const engine = await startEngine({
    modelPath: model.path,
    modelHash: model.hash,
    backend: 'cpu',
    dataFolder,
    maxMemoryMB: STATES_MB,
    maxDiskGB: 50,
  });
  try {
    signal.throwIfAborted();
    return await work(engine);
  } finally {
    await engine.close();
  }
}

async function emptyState(engine: BenchEngine, plan: PlanName): Promise<StateHandle> {
  const compiled = preset(plan, geometryOf(engine.info.hyperparameters));
  return (await engine.open({ plan: compiled, ids: new Int32Array(0), useStored: false })).state;
}

/** As long as the mean of `count` tokens takes, the first included. */
async function decodeMs(
  engine: BenchEngine,
  state: StateHandle,
  count: number,
  signal: AbortSignal,
): Promise<number> {
  const start = performance.now();
  let last = start;
  const sampling = { ...plain, maxTokens: count };
  // a token by itself, on both sides: what drafts win depends on the text
  const request = { state, sampling, stop: [], priority: 'chat', drafts: false } as const;
  for await (const token of engine.generate(request, signal)) {
    if (token.id < 0) throw new Error('The engine generated no token.');
    last = performance.now();
  }
  return (last - start) / count;
}

async function quickest(read: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let reading = 0; reading < FIRST_STOP_READINGS; reading++) times.push(await read());
  return Math.min(...times);
}
