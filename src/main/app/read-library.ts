/**
 * Reads a library into a state: from the longest stored prefix on, in pieces that end on a grid of tokens, with a durable
 * checkpoint at each grid point and at least every minute. A kill costs what was read since the last checkpoint.
 */
import type { AttentionPlan, Engine, StoredState } from '../engine/index.ts';
import { AppError } from '../../shared/errors.ts';

/** Checkpoints lie at multiples of this many tokens, so that every run of one library has the same ones. */
export const CHECKPOINT_GRID = 16_384;
/** A piece is a multiple of this, so that its end never depends on the machine's speed to the token. */
const PIECE_GRID = 1024;
const SECONDS_BETWEEN_CHECKPOINTS = 60;
/** until it was measured; then a piece may be that much shorter than planned */
const FIRST_SPEED = 200;

export interface ReadProgress {
  readonly phase: 'read' | 'checkpoint';
  readonly done: number;
  readonly total: number;
  readonly tokensPerSecond: number;
}

export interface ReadRequest {
  readonly engine: Engine;
  readonly plan: AttentionPlan;
  /** preamble and library */
  readonly ids: Int32Array;
  /** under which checkpoints are stored: the library's id */
  readonly label: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ReadProgress) => void;
}

export interface ReadResult {
  readonly reused: number;
  readonly read: number;
  readonly seconds: number;
  readonly state: StoredState;
}

/**
 * @throws AppError 'interrupted' when cancelled; what was read until then is kept as a checkpoint
 */
export async function readLibrary(request: ReadRequest): Promise<ReadResult> {
  const { engine, plan, ids, label, signal, onProgress } = request;
  const started = performance.now();
  const { state, reused } = await engine.open({ plan, ids }, signal);
  let position = reused;
  let speed = 0;
  try {
    let saved: StoredState | null = null;
    while (position < ids.length) {
      const piece = ids.subarray(position, pieceEnd(position, ids.length, speed));
      const from = position;
      const result = await engine.prefill(state, piece, {
        priority: 'reading',
        signal,
        onProgress: ({ done }) =>
          onProgress({ phase: 'read', done: from + done, total: ids.length, tokensPerSecond: speed }),
      });
      position = result.position;
      speed = result.read / Math.max(result.ms / 1000, 1e-6);
      onProgress({ phase: 'checkpoint', done: position, total: ids.length, tokensPerSecond: speed });
      saved = await engine.snapshot(state, label, signal);
    }
    // Nothing was left to read: this finds the stored state again, and writes nothing.
    saved ??= await engine.snapshot(state, label, signal);
    const seconds = (performance.now() - started) / 1000;
    return { reused, read: position - reused, seconds, state: saved };
  } catch (error) {
    if (signal.aborted) await keepWhatWasRead(engine, state, label);
    throw error;
  } finally {
    await engine.release(state).catch(() => undefined);
  }
}

/** The end of the next piece: the next grid point, or earlier where that would take more than a minute. */
export function pieceEnd(position: number, total: number, tokensPerSecond: number): number {
  const speed = tokensPerSecond > 0 ? tokensPerSecond : FIRST_SPEED;
  const minute = Math.floor((position + speed * SECONDS_BETWEEN_CHECKPOINTS) / PIECE_GRID) * PIECE_GRID;
  const nextGrid = (Math.floor(position / CHECKPOINT_GRID) + 1) * CHECKPOINT_GRID;
  const nextPiece = (Math.floor(position / PIECE_GRID) + 1) * PIECE_GRID;
  return Math.min(total, nextGrid, Math.max(minute, nextPiece));
}

/** On cancel: the state stands at its last complete chunk. A failure here loses no more than a kill would. */
async function keepWhatWasRead(engine: Engine, state: number, label: string): Promise<void> {
  try {
    await engine.snapshot(state, label);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}
