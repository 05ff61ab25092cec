/** Brings a turn's prompt into the engine: the longest live or stored beginning of it is restored, the rest is read. */
import { AppError } from '../../shared/errors.ts';
import type { AttentionPlan, Engine, OpenResult, PrefillProgress, StateHandle } from '../engine/index.ts';
import type { LibraryPrefix } from './context.ts';
import { cut } from './context.ts';
import type { Prompt } from './prompt.ts';
import type { EngineCounters } from './receipt.ts';
import type { LibraryMode } from './turn-context.ts';

export interface OpenedContext {
  readonly state: StateHandle;
  readonly prompt: Prompt;
  /** leading tokens that the state holds already */
  readonly reused: number;
}

export interface ContextToOpen {
  readonly mode: LibraryMode;
  readonly plan: AttentionPlan;
  readonly prefix: LibraryPrefix | null;
  readonly compose: (prefix: LibraryPrefix | null) => Prompt;
}

/**
 * A library that is being read, or whose newest files are not read yet, enters the prompt as far as a state holds it:
 * a chat never reads a library on the way to its answer. What follows counts as pending.
 * @throws AppError 'interrupted', 'engine-lost'
 */
export async function openContext(
  engine: Engine,
  context: ContextToOpen,
  signal: AbortSignal,
): Promise<OpenedContext> {
  const { plan, prefix, compose, mode } = context;
  const whole = compose(prefix);
  const opened = await openPrompt(engine, plan, whole, signal);
  if (mode !== 'state' || prefix === null || opened.reused >= prefix.ids.length) {
    return { state: opened.state, prompt: whole, reused: opened.reused };
  }
  const held = cut(prefix, opened.reused);
  const prompt = compose(held.ids.length === 0 ? null : held);
  // The conversation itself may have gone on from here before.
  const further = await openPrompt(engine, plan, prompt, signal);
  await engine.release(opened.state);
  return { state: further.state, prompt, reused: further.reused };
}

/** One token at least is left to read: the answer begins with the logits of the last one. */
function openPrompt(
  engine: Engine,
  plan: AttentionPlan,
  prompt: Prompt,
  signal: AbortSignal,
): Promise<OpenResult> {
  return engine.open({ plan, ids: prompt.ids.subarray(0, prompt.ids.length - 1) }, signal);
}

export interface PrefillEvents {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
  readonly onQueue: (place: number) => void;
}

/**
 * Reads what the state does not hold yet. Before the last token a copy is set aside for the engine's cache of live
 * states: regeneration, and a next turn whose text does not come out as the generated tokens, begin from it.
 */
export async function prefillContext(
  engine: Engine,
  opened: OpenedContext,
  plan: AttentionPlan,
  events: PrefillEvents,
): Promise<EngineCounters & { readonly ms: number }> {
  const { prompt, reused, state } = opened;
  const total = prompt.ids.length - reused;
  const { signal, onQueue } = events;
  const options = {
    priority: 'chat',
    signal,
    onQueue,
    onProgress: ({ done }: PrefillProgress) => events.onProgress(done, total),
  } as const;
  let read = 0;
  let ms = 0;
  if (total > 1) {
    const most = await engine.prefill(state, prompt.ids.subarray(reused, -1), options);
    read += most.read;
    ms += most.ms;
    await engine.release(await engine.fork(state));
  }
  const result = await engine.prefill(state, prompt.ids.subarray(-1), { priority: 'chat', signal });
  read += result.read;
  ms += result.ms;
  if (result.position !== prompt.ids.length) {
    throw new AppError(
      'internal',
      `The engine stands at ${String(result.position)} after a prompt of ${String(prompt.ids.length)} tokens.`,
    );
  }
  return { reused, read, reach: result.reach, sinks: plan.sinks, ms };
}
