import { describe, expect, it } from 'vitest';
import { compilePlan, headOffset } from './compile.ts';
import { doublingPatterns, loadPlan, longnetPlan, planOfModel, preset } from './presets.ts';
import type { AttentionPlan, PlanGeometry } from './types.ts';

const smolLm2: PlanGeometry = { heads: 9, kvHeads: 3, headDim: 64, trainedLength: 8192 };

function code(plan: AttentionPlan, geometry = smolLm2): string {
  try {
    compilePlan(plan, geometry);
    return 'compiled';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('compilePlan: sliding', () => {
  it('dense is one ring per KV head that keeps everything', () => {
    const { rings, sinkCount } = compilePlan(preset('dense', smolLm2), smolLm2);
    expect(rings).toHaveLength(3);
    expect(rings[1]).toEqual({
      kind: 'sliding',
      kvHead: 1,
      firstHead: 3,
      headCount: 3,
      stride: 1,
      residue: 0,
      lo: 0,
      hi: Infinity,
      align: 0,
      sparseQueries: false,
      denseUpTo: 0,
      source: -1,
      slope: 1,
      intercept: 0,
    });
    expect(sinkCount).toBe(0);
  });

  it('window keeps 8,184 keys and 4 sinks, and the sinks inside the trained range', () => {
    const { rings, distanceMap } = compilePlan(preset('window', smolLm2), smolLm2);
    expect(rings.map((ring) => [ring.kind, ring.hi, ring.denseUpTo]).slice(0, 2)).toEqual([
      ['sinks', 4, 0],
      ['sliding', 8184, 8192],
    ]);
    expect(distanceMap[1]).toEqual({ from: 8191, base: 8191, slope: 0 });
  });

  it('adapted: the strides, residues and spans that were measured (longnet-length.md section 1)', () => {
    const { rings } = compilePlan(preset('adapted', smolLm2), smolLm2);
    const perHead = rings.filter((ring) => ring.kvHead === 1);
    expect(perHead.slice(0, 6).map(({ lo, hi, stride, residue }) => [lo, hi, stride, residue])).toEqual([
      [0, 4, 1, 0],
      [0, 2048, 1, 0],
      [2048, 4096, 2, 683 % 2],
      [4096, 8192, 4, 683 % 4],
      [8192, 16384, 16, 683 % 16],
      [16384, 32768, 32, 683 % 32],
    ]);
    const lengths = perHead.slice(2).map(({ slope, lo }) => slope * lo);
    for (const [i, span] of lengths.entries()) expect(span).toBeCloseTo(1024 * 0.83 ** i, 9);
    expect(perHead[perHead.length - 1].hi).toBe(2 ** 40);
    expect(new Set(rings.map((ring) => ring.residue)).has(1365)).toBe(true);
  });

  it('hands keys from ring to ring of the same KV head, each stride a multiple of the one before', () => {
    const { rings } = compilePlan(preset('adapted', smolLm2), smolLm2);
    for (const ring of rings) {
      if (ring.source < 0) continue;
      const source = rings[ring.source];
      expect([source.kvHead, source.hi]).toEqual([ring.kvHead, ring.lo]);
      expect(ring.stride % source.stride).toBe(0);
      expect(ring.residue % source.stride).toBe(source.residue);
    }
  });

  it('continues the spans without a jump between bands', () => {
    const { rings, distanceMap } = compilePlan(preset('adapted', smolLm2), smolLm2);
    for (const ring of rings.filter(({ source }) => source >= 0)) {
      const before = rings[ring.source];
      expect(ring.slope * ring.lo + ring.intercept).toBeCloseTo(before.slope * ring.lo + before.intercept, 8);
    }
    expect(distanceMap[distanceMap.length - 1].slope).toBe(0);
  });

  it('names contradictions', () => {
    const adapted = preset('adapted', smolLm2);
    const bands = adapted.bands;
    if (bands === undefined) throw new Error('adapted has bands');
    const { window: _window, ...withoutWindow } = adapted;
    expect(code(withoutWindow)).toBe('invalid-input');
    expect(code({ ...adapted, denseUpTo: 4096 })).toBe('invalid-input');
    expect(code({ ...adapted, bands: { ...bands, exponents: [3, 1] } })).toBe('invalid-input');
    expect(code({ ...adapted, bands: { ...bands, period: 3 } })).toBe('invalid-input');
    expect(code({ ...adapted, mixing: 'multiset' })).toBe('invalid-input');
    expect(code({ ...adapted, positions: 'xpos' })).toBe('unsupported');
    expect(code({ ...adapted, offsetRule: 'paper' })).toBe('invalid-input');
    expect(code({ ...adapted, bands: { ...bands, count: 2 } })).toBe('compiled');
    expect(code(adapted, { ...smolLm2, kvHeads: 2 })).toBe('invalid-input');
    expect(code(adapted, { ...smolLm2, heads: 0 })).toBe('invalid-input');
  });
});

describe('compilePlan: aligned', () => {
  it('head offsets: paper h mod r, torchscale floor(h / ceil(H / r))', () => {
    const offsets = (r: number, rule: 'paper' | 'torchscale'): number[] =>
      Array.from({ length: 9 }, (_, head) => headOffset(head, 9, r, rule));
    expect(offsets(4, 'paper')).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0]);
    expect(offsets(4, 'torchscale')).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
    expect(offsets(16, 'torchscale')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('one ring per pattern, KV head and run of heads with one offset', () => {
    const plan = longnetPlan({ patterns: doublingPatterns(4, 8) });
    const { rings } = compilePlan(plan, smolLm2);
    expect(rings.map((r) => [r.kvHead, r.firstHead, r.headCount, r.stride, r.residue, r.align])).toEqual([
      [0, 0, 3, 1, 0, 4],
      [0, 0, 3, 2, 0, 8],
      [1, 3, 3, 1, 0, 4],
      [1, 3, 2, 2, 0, 8],
      [1, 5, 1, 2, 1, 8],
      [2, 6, 3, 1, 0, 4],
      [2, 6, 3, 2, 1, 8],
    ]);
  });

  it('the preset lists patterns of 2,048 keys up to 2^20 tokens, with XPOS up to 32,768', () => {
    const patterns = preset('longnet', smolLm2).patterns ?? [];
    expect(patterns).toHaveLength(10);
    expect(patterns[9]).toEqual({ segmentLength: 2 ** 20, dilation: 512 });
    const withXpos = longnetPlan({ positions: 'xpos' });
    expect(withXpos.patterns).toHaveLength(5);
    expect(code(withXpos)).toBe('compiled');
  });

  it('names contradictions', () => {
    const longnet = longnetPlan();
    const { offsetRule: _rule, ...withoutRule } = longnet;
    expect(code(withoutRule)).toBe('invalid-input');
    expect(code({ ...longnet, window: 4 })).toBe('invalid-input');
    expect(code({ ...longnet, sinks: 4 })).toBe('unsupported');
    expect(code({ ...longnet, mixing: 'once' })).toBe('unsupported');
    expect(code({ ...longnet, positions: 'piecewise' })).toBe('unsupported');
    expect(code({ ...longnet, positions: 'xpos' })).toBe('unsupported');
    // the paper's own w = 16384, r = 6: torchscale shifts every later segment there
    const paper = longnetPlan({ patterns: [{ segmentLength: 16384, dilation: 6 }] });
    expect(() => compilePlan(paper, smolLm2)).toThrow('16384 is no multiple of the dilation 6');
  });
});

describe('loadPlan', () => {
  it('knows presets, and names what is neither preset nor file', () => {
    expect(loadPlan('adapted', smolLm2)).toEqual(preset('adapted', smolLm2));
    expect(() => loadPlan('no-such-plan', smolLm2)).toThrow('There is no attention plan "no-such-plan"');
  });

  it('refuses a file that is not a plan', () => {
    expect(() => loadPlan(new URL('compile.ts', import.meta.url).pathname, smolLm2)).toThrow('not JSON');
  });

  it('reads the plan that a model carries', () => {
    const plan = preset('adapted', smolLm2);
    expect(planOfModel({ metadata: new Map([['longleaf.plan', JSON.stringify(plan)]]) })).toEqual(plan);
    expect(planOfModel({ metadata: new Map() })).toBeNull();
    expect(() => planOfModel({ metadata: new Map([['longleaf.plan', 3]]) })).toThrow('must be a text');
  });
});
