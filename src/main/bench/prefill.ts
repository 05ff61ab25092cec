import type { ExchangeCounters, PrefillResult } from '../engine/index.ts';
import { commonFigures, emptyState, someIds, withEngine } from './engine-run.ts';
import { rounded, spreadOf } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

/** Tokens per second of reading `tokens` (512) into an empty state; the median of `repeat` (3) readings. */
export async function benchPrefill(request: BenchRequest): Promise<BenchResult> {
  const tokens = request.tokens ?? 512;
  const repeat = request.repeat ?? 3;
  return withEngine(request, { plan: 'adapted' }, async (run) => {
    const { engine } = run;
    const ids = someIds(tokens, engine.info.hyperparameters.vocabulary);
    const read = async (
      part: Int32Array,
      what: string,
    ): Promise<Pick<PrefillResult, 'ms' | 'reach' | 'exchange'>> => {
      const state = await emptyState(run);
      const start = performance.now();
      const { reach, exchange } = await engine.prefill(state, part, {
        priority: 'chat',
        onProgress: ({ done, total }) => request.onProgress?.(done, total, what),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const ms = performance.now() - start;
      await engine.release(state);
      return { ms, reach, ...(exchange === undefined ? {} : { exchange }) };
    };
    // The first chunk of a process pays for page faults and compilation.
    await read(ids.subarray(0, Math.min(512, tokens)), 'warming up');
    const speeds: number[] = [];
    let last: Pick<PrefillResult, 'reach' | 'exchange'> = { reach: { exact: 0, sparse: 0 } };
    for (let turn = 1; turn <= repeat; turn++) {
      const result = await read(ids, `reading, ${turn} of ${repeat}`);
      speeds.push(rounded(tokens / (result.ms / 1000)));
      last = result;
    }
    return {
      ...(await commonFigures('prefill', run)),
      contextTokens: tokens,
      tokensPerSecond: spreadOf(speeds).median,
      spread: spreadOf(speeds),
      reach: last.reach,
      ...(last.exchange === undefined ? {} : { sharding: shardingFigures(last.exchange) }),
    };
  });
}

/** Of one reading: does not depend on its length, but for a last round that is not full. */
function shardingFigures({ devices, rounds, layers, bytes, ms, waitMs }: ExchangeCounters): object {
  return {
    devices,
    rounds,
    bytesPerRoundAndLayer: layers === 0 ? 0 : Math.round(bytes / layers),
    waitingShare: ms === 0 ? 0 : rounded(waitMs / ms, 3),
  };
}
