import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { commonFigures, emptyState, someIds, withEngine } from './engine-run.ts';
import { rounded, spreadOf } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

interface Reopening {
  /** engine process asked for -> model loaded, ms */
  readonly modelReadyMs: number;
  /** model loaded -> state of the library usable, ms */
  readonly restoredMs: number;
}

/**
 * How long until what was read is there again: an engine process is started, its model loaded, and the state of
 * `tokens` (16k) restored from state.db. Warm: the median of `repeat` (5) starts. Cold: one start after the model and
 * the state were put out of the operating system's file cache, where that is possible.
 */
export async function benchReopen(request: BenchRequest): Promise<BenchResult> {
  const tokens = request.tokens ?? 16 * 1024;
  const repeat = request.repeat ?? 5;
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-bench-'));
  try {
    const saved = await save(request, folder, tokens);
    const warm: Reopening[] = [];
    for (let turn = 1; turn <= repeat; turn++) {
      warm.push(await reopen(request, folder, saved.ids));
      request.onProgress?.(turn, repeat, 'reopening');
    }
    const evicted = await evict([request.model.path, ...(await filesOf(folder))]);
    const cold = evicted ? await reopen(request, folder, saved.ids) : null;
    return {
      ...saved.figures,
      contextTokens: tokens,
      tokensPerSecond: null,
      stateMB: rounded(saved.bytes / 1e6),
      modelReadyMs: spreadOf(warm.map((one) => rounded(one.modelReadyMs))),
      restoredMs: spreadOf(warm.map((one) => rounded(one.restoredMs))),
      cold: cold && { modelReadyMs: rounded(cold.modelReadyMs), restoredMs: rounded(cold.restoredMs) },
      ...(cold === null ? { coldReason: 'The file cache can be emptied on Linux with GNU dd only.' } : {}),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Saved {
  readonly ids: Int32Array;
  readonly bytes: number;
  readonly figures: Awaited<ReturnType<typeof commonFigures>>;
}

async function save(request: BenchRequest, dataFolder: string, tokens: number): Promise<Saved> {
  return withEngine(request, { plan: 'adapted', dataFolder }, async (run) => {
    const ids = someIds(tokens, run.engine.info.hyperparameters.vocabulary);
    const state = await emptyState(run);
    await run.engine.prefill(state, ids, {
      priority: 'chat',
      onProgress: ({ done, total }) => request.onProgress?.(done, total, 'reading'),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const { bytes } = await run.engine.snapshot(state, 'bench', request.signal);
    return { ids, bytes, figures: await commonFigures('reopen', run) };
  });
}

async function reopen(request: BenchRequest, dataFolder: string, ids: Int32Array): Promise<Reopening> {
  const start = performance.now();
  return withEngine(request, { plan: 'adapted', dataFolder }, async ({ engine, plan }) => {
    const ready = performance.now();
    const opened = await engine.open({ plan, ids }, request.signal);
    const restored = performance.now();
    if (opened.from !== 'stored' || opened.reused !== ids.length)
      throw new AppError('internal', `Only ${opened.reused} of ${ids.length} tokens were restored.`);
    return { modelReadyMs: ready - start, restoredMs: restored - ready };
  });
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Asks the system to forget files that it caches: `dd iflag=nocache count=0`, which is posix_fadvise(DONTNEED) for
 * the whole file (GNU coreutils manual, dd).
 */
async function evict(paths: readonly string[]): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    for (const path of paths)
      await promisify(execFile)('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
    return true;
  } catch {
    return false;
  }
}
