/** Reading a library into a state: whether, with which plan, what it will cost, and what came of it. */
import type { LibraryPreview, LibraryReport, StateReport } from '../../shared/rpc/index.ts';
import type { AttentionPlan, Engine } from '../engine/index.ts';
import type { Store } from '../store/index.ts';
import type { LibraryPrefix } from './context.ts';
import type { EngineChoice, Engines, LoadedModel } from './engines.ts';
import type { LibraryContents } from './library-context.ts';
import { prefixOf } from './library-context.ts';
import type { Reading } from './library-settings.ts';
import { keysHeld } from './model-fit.ts';
import { readingOf, rememberReading } from './library-settings.ts';
import type { ReadProgress } from './read-library.ts';
import { CHECKPOINT_GRID, readLibrary } from './read-library.ts';

export type ReadEstimate = NonNullable<LibraryPreview['read']>;
export type ReadReport = NonNullable<LibraryReport['state']>;

/** tokens per second, until this machine has been measured */
const ASSUMED_SPEED = 600;

/** Whether a library is read without a further word: the user said so, or the model's gate is passed. */
export function wantsReading(model: LoadedModel, read: 'auto' | 'always' | 'never'): boolean {
  if (read !== 'auto') return read === 'always';
  return model.ownPlan !== null || model.farReading?.passed === true;
}

/** The plan that a library is read with: as asked for, as it was read before, or `adapted`. */
export function readingPlan(
  engines: Engines,
  model: LoadedModel,
  choice: EngineChoice,
  before: Reading | null,
): AttentionPlan {
  if (!engines.asksForPlan(choice) && before?.model === model.installed.id) return before.plan;
  return engines.plan(model, choice, 'adapted');
}

/** What reading `tokens` will cost, with `fromCheckpoint` of them there already. */
export function estimateReading(
  model: LoadedModel,
  plan: AttentionPlan,
  before: Reading | null,
  tokens: number,
  fromCheckpoint: number,
): ReadEstimate {
  const speed = before !== null && before.tokensPerSecond > 0 ? before.tokensPerSecond : ASSUMED_SPEED;
  const stateBytes =
    before !== null && before.stateBytes > 0
      ? before.stateBytes
      : keysHeld(plan, tokens) * model.bytesPerToken;
  // Checkpoints are thinned geometrically: about one per doubling of the length stays.
  const checkpoints = 1 + Math.max(0, Math.ceil(Math.log2(tokens / CHECKPOINT_GRID)));
  return {
    tokens,
    fromCheckpoint,
    seconds: (tokens - fromCheckpoint) / speed,
    diskBytes: Math.ceil(stateBytes * checkpoints),
  };
}

export interface ReadStage {
  readonly store: Store;
  readonly engines: Engines;
  readonly model: LoadedModel;
  readonly choice: EngineChoice;
  readonly contents: LibraryContents;
  readonly signal: AbortSignal;
  /** runs the reading when it may, and again after an interruption from there */
  readonly whenOpen: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
  /** told once, before anything is read, when there is something to read */
  readonly onEstimate: (estimate: ReadEstimate) => void;
  readonly onProgress: (progress: ReadProgress) => void;
  readonly onModel: () => void;
}

/** Reads what no stored state holds yet; a library that is read already costs a look only. */
export async function readStage(stage: ReadStage): Promise<ReadReport> {
  const { store, engines, model, choice, contents } = stage;
  const { library } = contents;
  const before = await readingOf(store, library.id);
  const plan = readingPlan(engines, model, choice, before);
  const prefix = await prefixOf(store, model, contents);
  stage.onModel();
  const engine = await model.engine();
  const found = await engine.findStored(plan, prefix.ids);
  const estimate = estimateReading(model, plan, before, prefix.ids.length, found);
  const running: Reading = {
    plan,
    model: model.installed.id,
    tokensPerSecond: before?.tokensPerSecond ?? 0,
    stateBytes: before?.stateBytes ?? 0,
    versionId: null,
    position: found,
    checkpoints: positionsOf(await engine.stored(library.id), plan, prefix),
    of: library.versionId,
  };
  if (found < prefix.ids.length) {
    stage.onEstimate(estimate);
    await rememberReading(store, library.id, running);
  }
  const result =
    found === prefix.ids.length
      ? { read: 0, seconds: 0 }
      : await readWhenOpen(stage, engine, plan, prefix, running);
  const report = await stateReport(engine, model, plan, library.id, prefix);
  const speed = result.read > CHECKPOINT_GRID / 4 ? result.read / result.seconds : running.tokensPerSecond;
  await rememberReading(store, library.id, {
    ...running,
    tokensPerSecond: speed,
    stateBytes: report.bytes,
    // 'read' is what a stored state says, not that the reading ended without an error
    versionId: report.tokens >= report.libraryTokens ? library.versionId : null,
    position: report.tokens,
    checkpoints: report.checkpoints.map(({ position }) => position),
  });
  // Counted over all interruptions: what was there before the first, and what is new since.
  return {
    ...report,
    reusedTokens: found,
    readTokens: prefix.ids.length - found,
    readSeconds: result.seconds,
  };
}

/** Reads to the end, with what is stored remembered as it grows: a view of it needs no engine. */
async function readWhenOpen(
  stage: ReadStage,
  engine: Engine,
  plan: AttentionPlan,
  prefix: LibraryPrefix,
  running: Reading,
): Promise<{ read: number; seconds: number }> {
  const { store, contents } = stage;
  const { id } = contents.library;
  let saving = 0;
  let { checkpoints } = running;
  const saved = async (position: number): Promise<void> => {
    checkpoints = [...checkpoints, position];
    await rememberReading(store, id, { ...running, position, checkpoints });
  };
  const onProgress = (progress: ReadProgress): void => {
    stage.onProgress(progress);
    // a checkpoint is announced before it is written: with the next progress it is there
    if (saving > 0) void saved(saving).catch(() => undefined);
    saving = progress.phase === 'checkpoint' ? progress.done : 0;
  };
  try {
    return await stage.whenOpen((signal) =>
      readLibrary({ engine, plan, ids: prefix.ids, label: id, signal, onProgress }),
    );
  } catch (error) {
    const position = await engine.findStored(plan, prefix.ids).catch(() => 0);
    // An engine that was lost can't say; the failure itself is what the user must see.
    if (position > running.position) await saved(position).catch(() => undefined);
    throw error;
  }
}

/** Checkpoints of a library that lie in its text of now. */
function positionsOf(
  stored: Awaited<ReturnType<Engine['stored']>>,
  plan: AttentionPlan,
  prefix: LibraryPrefix,
): readonly number[] {
  return stored
    .filter((state) => state.plan === plan.name && state.position <= prefix.ids.length)
    .map(({ position }) => position);
}

/** What is stored of a library: the longest state that holds the beginning of its current text. */
export async function stateReport(
  engine: Engine,
  model: LoadedModel,
  plan: AttentionPlan,
  label: string,
  prefix: LibraryPrefix,
): Promise<StateReport> {
  const tokens = await engine.findStored(plan, prefix.ids);
  const stored = (await engine.stored(label)).filter((state) => state.plan === plan.name);
  const newest = stored.findLast((state) => state.position === tokens);
  return {
    plan: plan.name,
    model: model.installed.id,
    tokens,
    libraryTokens: prefix.ids.length,
    bytes: newest?.bytes ?? 0,
    checksum: newest?.checksum ?? '',
    checkpoints: stored.map(({ position, bytes, createdAt }) => ({ position, bytes, createdAt })),
  };
}
