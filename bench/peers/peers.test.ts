import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { denseCost, farPrefillMs } from './extrapolate.ts';
import { peersPlot } from './plot.ts';
import type { PeersResult, Point, Session } from './results.ts';
import { chooseSettings, combinations, longCandidates } from './settings.ts';
import { Stages, TimeOver } from './stages.ts';
import { comparisons, peersTable } from './table.ts';

it('a cost a n + b n² is found again from three lengths', () => {
  const cost = (n: number): number => 2 * n + 0.001 * n * n;
  const points = [4096, 8192, 16_384].map((tokens): Point => ({
    tokens,
    prefillMs: cost(tokens),
    decodeMs: 5 + tokens / 1000,
  }));
  const { prefillMs, decodeMs } = denseCost(points);
  expect(prefillMs(131_072) / cost(131_072)).toBeCloseTo(1, 9);
  expect(decodeMs(131_072)).toBeCloseTo(136.072, 6);
  expect(() => denseCost(points.slice(0, 1))).toThrow('Two measurements');
});

it('what was read and what a token costs further on add up', () => {
  const last = { tokens: 100, prefillMs: 100, decodeMs: 1 };
  const far = [
    { plan: 'adapted' as const, tokens: 100, readMs: 1, decodeMs: 1 },
    { plan: 'adapted' as const, tokens: 300, readMs: 2, decodeMs: 1 },
  ];
  expect(farPrefillMs(last, far, 100)).toBe(100);
  expect(farPrefillMs(last, far, 300)).toBe(100 + 1.5 * 200);
  expect(farPrefillMs(last, far, 400)).toBe(100 + 1.5 * 200 + 2 * 100);
});

it('each figure gets the settings that were fastest for it, and noise does not divide them', () => {
  const [twoOn, twoOff] = combinations(2).filter(
    ({ threads, batchSize }) => threads === 2 && batchSize === 512,
  );
  const one = combinations(2).find(({ threads }) => threads === 1);
  if (twoOn === undefined || twoOff === undefined || one === undefined) throw new Error('not tried');
  const session = (settings: Session['settings'], prefill: number[], decode: number): Session => ({
    settings,
    points: prefill.map((prefillMs, i) => ({ tokens: 512 * 8 ** i, prefillMs, decodeMs: decode })),
    library: null,
  });
  const tried = [
    session(twoOn, [100, 900, 9000], 12),
    session(twoOff, [99, 1000], 12),
    session(one, [190, 1700], 10),
  ];
  expect(longCandidates(tried.map((each) => ({ ...each, points: each.points.slice(0, 2) })))).toEqual([
    twoOn,
    twoOff,
  ]);
  expect(chooseSettings(tried, [512, 16_384])).toEqual([
    { tokens: 512, prefill: twoOn, decode: one },
    { tokens: 16_384, prefill: twoOn, decode: one },
  ]);
});

it('a stage that was measured is not measured again, unless the machine or the code is another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-stages-'));
  const file = join(folder, 'part.json');
  const limits = { begin: 60, stage: 60 };
  const value = (result: number) => () => Promise.resolve(result);
  try {
    expect(await new Stages(file, 'a', limits).run('one', v.number(), value(1))).toBe(1);
    expect(await new Stages(file, 'a', limits).run('one', v.number(), value(2))).toBe(1);
    expect(await new Stages(file, 'b', limits).run('one', v.number(), value(3))).toBe(3);
    const late = new Stages(file, 'b', { begin: -1, stage: 60 });
    expect(await late.run('one', v.number(), value(4))).toBe(3);
    await expect(late.run('two', v.number(), value(4))).rejects.toThrow(TimeOver);
    const slow = new Stages(file, 'b', { begin: 60, stage: 0.01 });
    await expect(
      slow.run('two', v.number(), async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return 5;
      }),
    ).rejects.toThrow('took more than');
    // a process that the limit has ended says only that it ended
    await expect(
      slow.run(
        'ended',
        v.number(),
        (signal) =>
          new Promise((_, reject) =>
            signal.addEventListener('abort', () => {
              reject(new Error('The llama.cpp process ended.'));
            }),
          ),
      ),
    ).rejects.toThrow('--stage-minutes');
    late.finish();
    expect(await new Stages(file, 'b', limits).run('one', v.number(), value(6))).toBe(6);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('what was measured, in words and as a picture', () => {
  /** llama.cpp: n + n²/1000 ms to read, 1 + n/1000 ms a token; ours: half of n ms, 1 ms; the second round twice as slow */
  const round = (factor: number): PeersResult['rounds'][number] => {
    const at = (lengths: number[], read: (n: number) => number, token: (n: number) => number): Point[] =>
      lengths.map((tokens) => ({
        tokens,
        prefillMs: factor * read(tokens),
        decodeMs: factor * token(tokens),
      }));
    const ours = (lengths: number[]): Point[] =>
      at(
        lengths,
        (n) => n / 2,
        () => 1,
      );
    return {
      ours: {
        engine: { variant: 'cpu-x', threads: 1, device: 'CPU' },
        plans: { dense: ours([512, 4096, 8192]), window: ours([16_384]), adapted: ours([8192, 16_384]) },
      },
      theirs: {
        points: at(
          [512, 4096, 8192, 16_384],
          (n) => n + (n * n) / 1000,
          (n) => 1 + n / 1000,
        ),
      },
    };
  };
  const settings = { threads: 2, batchSize: 512, flashAttention: true };
  const reopening = { peakMemoryMB: 100, stateMB: 50, modelReadyMs: [100, 200], restoredMs: [10, 20] };
  const result: PeersResult = {
    environment: { commit: 'abc', date: '2026-01-01', cpu: 'CPU', cores: 2, memoryGB: 8, cpuFlags: ['avx2'] },
    model: { id: 'model', hash: '' },
    engine: { variant: 'cpu-x', threads: 1, device: 'CPU' },
    llamaCpp: {
      version: '1',
      release: null,
      library: null,
      tried: [],
      chosen: [{ tokens: 512, prefill: settings, decode: settings }],
    },
    decodeTokens: 8,
    rounds: [round(1), round(2)],
    far: [16_384, 131_072].flatMap((tokens) =>
      (['window', 'adapted'] as const).map((plan) => ({ plan, tokens, readMs: 0.5, decodeMs: 1 })),
    ),
    reopen: { tokens: 16_384, ours: reopening, theirs: { ...reopening, restoredMs: [100, 100] } },
  };

  it('ratios are of one round; what is reckoned is marked', () => {
    const of = (figure: string, plan: string, tokens: number) =>
      comparisons(result).find((one) => one.figure === figure && one.plan === plan && one.tokens === tokens);
    expect(of('prefill', 'dense', 8192)).toMatchObject({ extrapolated: false });
    expect(of('prefill', 'dense', 8192)?.ratios[1]).toBeCloseTo(2 * (1 + 8.192), 9);
    expect(of('decode', 'adapted', 131_072)?.ratios[0]).toBeCloseTo(132.072, 6);
    const table = peersTable(result).join('\n');
    expect(table).toContain('prefill of 131,072\\* | `window`');
    expect(table).toContain('| -> 16,384 tokens there again, ms | | 15 | 100 | 7.50 [5.00, 10.00] |');
    expect(table).toContain('2 threads, batch 512, flash attention on for every figure');
    expect(table).not.toContain('NaN');
  });

  it('the picture stays within its frame', () => {
    for (const theme of ['light', 'dark'] as const) {
      const svg = peersPlot(result, theme);
      expect(svg).not.toMatch(/NaN|Infinity/);
      for (const [, x, y] of svg.matchAll(/cx="([\d.-]+)" cy="([\d.-]+)"/g)) {
        expect(Number(x)).toBeGreaterThan(0);
        expect(Number(x)).toBeLessThan(860);
        expect(Number(y)).toBeGreaterThan(40);
        expect(Number(y)).toBeLessThan(340);
      }
    }
  });
});
