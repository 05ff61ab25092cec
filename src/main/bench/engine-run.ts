/** An engine for the time of one bench, and what the results say about it. */
import { geometryOf, loadPlan, planOfModel, startEngine } from '../engine/index.ts';
import type { AttentionPlan, BenchEngine, StateHandle } from '../engine/index.ts';
import { openModel } from '../formats/index.ts';
import { rounded } from './statistics.ts';
import type { BenchFigures, BenchName, BenchRequest } from './types.ts';

export interface EngineRun {
  readonly engine: BenchEngine;
  readonly plan: AttentionPlan;
  readonly request: BenchRequest;
}

export interface EngineRunOptions {
  /** used when the request names none */
  readonly plan: string;
  /** the plan that the model was trained with goes before `plan`, where it has one */
  readonly ownPlan?: boolean;
  /** where states are stored; null: nowhere */
  readonly dataFolder?: string | null;
  /** memory for states, MB: benches that keep one state need no more than the least */
  readonly maxMemoryMB?: number;
}

/** Starts an engine, runs `work`, closes the engine whatever happened. */
export async function withEngine<T>(
  request: BenchRequest,
  options: EngineRunOptions,
  work: (run: EngineRun) => Promise<T>,
): Promise<T> {
  const engine = await startEngine({
    modelPath: request.model.path,
    ...(request.model.adapter === undefined ? {} : { adapterPath: request.model.adapter }),
    modelHash: request.model.hash,
    backend: request.backend,
    dataFolder: options.dataFolder ?? null,
    // Released states are not kept: each measurement starts from an empty one, and memory is that of one.
    maxMemoryMB: options.maxMemoryMB ?? 1,
    maxDiskGB: 50,
    ...(request.device === undefined ? {} : { device: request.device }),
    ...(request.threads === undefined ? {} : { threads: request.threads }),
    ...(request.maxRows === undefined ? {} : { maxRows: request.maxRows }),
  });
  try {
    const own = options.ownPlan === true && request.plan === undefined ? await ownPlan(request) : null;
    const plan = own ?? loadPlan(request.plan ?? options.plan, geometryOf(engine.info.hyperparameters));
    return await work({ engine, plan, request });
  } finally {
    await engine.close();
  }
}

async function ownPlan({ model }: BenchRequest): Promise<AttentionPlan | null> {
  const file = await openModel(model.path, model.adapter);
  try {
    return planOfModel(file);
  } finally {
    await file.close();
  }
}

/** The fields that every bench prints. Ask before the engine is closed: it knows the peak memory. */
export async function commonFigures(
  name: BenchName,
  { engine, plan, request }: EngineRun,
): Promise<Omit<BenchFigures, 'contextTokens' | 'tokensPerSecond'> & { readonly variant: string }> {
  const { info } = engine;
  const memory = await engine.memory();
  return {
    name,
    backend: info.backend,
    device: info.device,
    threads: info.threads,
    model: request.model.id,
    plan: plan.name,
    variant: info.variant,
    peakMemoryMB: rounded(memory.peakResident / 1e6),
  };
}

/** An empty state that shares nothing with earlier ones. */
export async function emptyState({ engine, plan, request }: EngineRun): Promise<StateHandle> {
  const opened = await engine.open({ plan, ids: new Int32Array(0), useStored: false }, request.signal);
  return opened.state;
}

/**
 * Token ids for speed: any will do, for the time of a token does not depend on what it is. Seeded, so that every run
 * reads the same.
 */
export function someIds(count: number, vocabulary: number, seed = 1): Int32Array {
  let state = seed >>> 0;
  return Int32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % vocabulary;
  });
}
