import { describe, expect, it } from 'vitest';
import type { ContextMap, MapDocument } from '../../../shared/rpc/index.ts';
import { arcShapes, finerFor, needleShapes, tickShapes } from './attention-shapes.ts';
import { bandShapes, conversationShapes, fitted, saveShapes } from './band-shapes.ts';
import { beside, mapKey } from './keys.ts';
import { attentionShapes, groundShapes } from './layout.ts';
import { groupLabel, groupsOf, type MapMark } from './mark-shapes.ts';
import { type MapPlan, reachFrom, strideAt, tickGap } from './reach.ts';
import { axisStep, LEAST_SPAN, moved, shortTokens, tokenAt, xOf, zoomed } from './scale.ts';
import { segmentsOf } from './segments.ts';
import { geometryOf, type Shape } from './shapes.ts';
import { colourOf, unitIndexAt, unitsOf } from './units.ts';

/** The plan `adapted` with a window of 2048: bands twice as far and half as dense. */
const bands: MapPlan = {
  name: 'adapted',
  alignment: 'sliding',
  sinks: 4,
  regions: [
    { from: 0, to: 2048, stride: 1 },
    { from: 2048, to: 4096, stride: 2 },
    { from: 4096, to: 8192, stride: 4 },
    { from: 8192, to: null, stride: 16 },
  ],
};
const window: MapPlan = {
  name: 'window',
  alignment: 'sliding',
  sinks: 4,
  regions: [{ from: 0, to: 8184, stride: 1 }],
};
const segments: MapPlan = {
  name: 'longnet',
  alignment: 'aligned',
  sinks: 0,
  regions: [
    { from: 0, to: 2048, stride: 1 },
    { from: 2048, to: 4096, stride: 2 },
  ],
};

function documents(...sizes: readonly (readonly [path: string, tokens: number])[]): MapDocument[] {
  let start = 0;
  return sizes.map(([path, tokens]) => {
    const document = { path, start, tokens, state: 'read' as const };
    start += tokens;
    return document;
  });
}

function mapOf(list: readonly MapDocument[], read: number): ContextMap {
  const tokens = list.reduce((sum, one) => sum + one.tokens, 0);
  return { library: 'x', tokens, read, changedFrom: null, documents: list, checkpoints: [], plan: bands };
}

const ticksOf = (shapes: readonly Shape[]) =>
  shapes.flatMap((shape) =>
    shape.kind === 'path' && shape.paint === 'm-tick' ? shape.d.split('M').slice(1) : [],
  );

describe('scale', () => {
  const scale = { from: 1_000, to: 3_000, width: 1_002 };

  it('is linear, and tokenAt undoes xOf', () => {
    expect(xOf(scale, 2_000)).toBe(501);
    for (const token of [1_000, 1_234, 2_999]) expect(tokenAt(scale, xOf(scale, token))).toBe(token);
    expect(tokenAt(scale, -50)).toBe(1_000);
    expect(tokenAt(scale, 5_000)).toBe(3_000);
  });

  it('has axis steps of 1, 2 or 5 times a power of ten, at least 90 px apart', () => {
    for (const span of [512, 7_000, 99_999, 1_825_099, 40_000_000]) {
      const whole = { from: 0, to: span, width: 1_134 };
      const step = axisStep(whole);
      expect([1, 2, 5]).toContain(Number(String(step)[0]));
      expect(xOf(whole, step) - xOf(whole, 0)).toBeGreaterThanOrEqual(89.5);
    }
  });

  it('writes numbers short', () => {
    expect([512, 4_096, 34_000, 1_827_962, 999_800].map(shortTokens)).toEqual([
      '512',
      '4.1k',
      '34k',
      '1.83M',
      '1M',
    ]);
  });

  it('zooms around a token that keeps its place, never under 512 tokens nor beyond the library', () => {
    const view = zoomed({ from: 0, to: 100_000 }, 100_000, 0.5, 20_000);
    expect((20_000 - view.from) / (view.to - view.from)).toBeCloseTo(0.2, 3);
    const close = zoomed(view, 100_000, 1e-9, 20_000);
    expect(close.to - close.from).toBe(LEAST_SPAN);
    expect(zoomed(close, 100_000, 1e9, 5)).toEqual({ from: 0, to: 100_000 });
    expect(moved({ from: 10, to: 20 }, 100, 500)).toEqual({ from: 90, to: 100 });
  });
});

describe('reach', () => {
  it('lays sliding regions behind the position', () => {
    expect(reachFrom(10_000, bands).map(({ from, to, stride }) => [from, to, stride])).toEqual([
      [7_952, 10_000, 1],
      [5_904, 7_952, 2],
      [1_808, 5_904, 4],
      [0, 1_808, 16],
    ]);
  });

  it('ends a window at its window', () => {
    expect(reachFrom(20_000, window)).toHaveLength(1);
    expect(strideAt(20_000, 11_000, window)).toBeNull();
    expect(strideAt(20_000, 2, window)).toBe(1); // a sink
  });

  it('aligns segments to 0', () => {
    expect(reachFrom(5_000, segments).map(({ from, to }) => [from, to])).toEqual([[4_096, 5_000]]);
    expect(reachFrom(7_000, segments).map(({ from, to }) => [from, to])).toEqual([
      [6_144, 7_000],
      [4_096, 6_144],
    ]);
  });

  it('says how densely a token is seen', () => {
    expect([9_000, 6_000, 2_000, 100].map((token) => strideAt(10_000, token, bands))).toEqual([1, 2, 4, 16]);
    expect(strideAt(10_000, 10_001, bands)).toBeNull();
  });

  it('gives a tick as many keys in every region, down to one key', () => {
    const reaches = reachFrom(100_000, bands);
    expect(reaches.map((reach, i) => tickGap(reach, i, 2_048, 16, 1) / reach.stride)).toEqual([
      128, 64, 64, 64,
    ]);
    expect(reaches.map((reach, i) => tickGap(reach, i, 2_048, 16, 4_096))).toEqual([1, 2, 4, 16]);
  });
});

describe('attention', () => {
  const scale = { from: 0, to: 20_000, width: 2_002 };
  const large = geometryOf('large');

  it('draws nothing beyond the plan', () => {
    const shapes = tickShapes(20_000, window, scale, large, 1);
    const xs = ticksOf(shapes).map((tick) => Number.parseFloat(tick));
    // but for the sink's tick at 0
    expect(xs.filter((x) => x > 2).every((x) => x >= xOf(scale, 20_000 - 8_184) - 1)).toBe(true);
  });

  it('draws fewer ticks where the plan has fewer keys', () => {
    const counted = (from: number, to: number) =>
      ticksOf(tickShapes(20_000, bands, scale, large, 1)).filter((tick) => {
        const x = Number.parseFloat(tick);
        return x > xOf(scale, from) - 0.1 && x < xOf(scale, to) - 0.1;
      }).length;
    expect(counted(17_952, 20_000)).toBe(16);
    expect(counted(11_808, 15_904)).toBe(16);
    expect(counted(0, 4_000)).toBeLessThan(6);
  });

  it('merges ticks nearer than 2 px to a step as dark as it is dense', () => {
    const narrow = { from: 0, to: 2_000_000, width: 1_000 };
    const near = tickShapes(2_000_000, bands, narrow, large, 1).filter(({ paint }) => paint === 'm-near');
    expect(near.length).toBeGreaterThan(0);
    for (const shape of near) expect(shape.kind === 'rect' && shape.opacity).toBe(1);
  });

  it('has twice the ticks when a map shows half', () => {
    expect(finerFor({ from: 0, to: 1_000, width: 1 }, 1_000)).toBe(1);
    expect(finerFor({ from: 0, to: 500, width: 1 }, 1_000)).toBe(2);
    expect(finerFor({ from: 0, to: 511, width: 1 }, 1_000_000)).toBe(1_024);
  });

  it('nests the arcs on one foot, and labels the wide ones', () => {
    const shapes = arcShapes(20_000, bands, scale, large, (stride) => `1 in ${stride}`);
    const radii = shapes.flatMap((shape) => {
      const found = shape.kind === 'path' ? /A([\d.]+) ([\d.]+)/.exec(shape.d) : null;
      return found === null ? [] : [[Number(found[1]), Number(found[2])] as const];
    });
    expect(radii.length).toBe(4);
    for (const [i, [rx, ry]] of radii.entries()) {
      const next = radii[i + 1];
      if (next !== undefined) expect(rx > next[0] && ry > next[1]).toBe(true);
    }
    expect(shapes.some((shape) => shape.kind === 'text' && shape.text === '1 in 4')).toBe(true);
  });

  it('draws one needle, and none out of the view', () => {
    expect(needleShapes(5_000, scale, large).filter(({ paint }) => paint === 'm-needle')).toHaveLength(1);
    expect(needleShapes(5_000, { from: 6_000, to: 7_000, width: 100 }, large)).toEqual([]);
  });
});

describe('units and segments', () => {
  it('are documents while those can be seen', () => {
    const list = documents(['a/x', 500], ['a/y', 500], ['b', 500]);
    expect(unitsOf(list, 1_500).map(({ path }) => path)).toEqual(['a/x', 'a/y', 'b']);
  });

  it('go up a folder at a time while more than 24 are narrow', () => {
    const many = Array.from(
      { length: 1_200 },
      (_, i) => [`src/${i < 600 ? 'core' : 'ui'}/f${i}.ts`, 10] as const,
    );
    const units = unitsOf(documents(...many, ['README.md', 3_000]), 15_000);
    expect(units.map(({ path, count }) => [path, count])).toEqual([
      ['src/core', 600],
      ['src/ui', 600],
      ['README.md', 1],
    ]);
  });

  it('stay documents where there is only one folder: a band of one colour tells nothing', () => {
    const flat = Array.from({ length: 300 }, (_, i) => [`poems/${i}.txt`, 10] as const);
    expect(unitsOf(documents(...flat), 3_000)).toHaveLength(300);
  });

  it('never give neighbours one colour', () => {
    for (let i = 0; i < 40; i++) expect(colourOf(i)).not.toBe(colourOf(i + 1));
    expect([unitIndexAt([{ start: 0 }, { start: 10 }, { start: 20 }], 10), unitIndexAt([], 4)]).toEqual([
      1, 0,
    ]);
  });

  it('cover the band without overlap, with a pixel of ground between', () => {
    const list = documents(['a', 400], ['b', 0], ['c', 599], ['d', 1]);
    const drawn = segmentsOf(list, unitsOf(list, 1_000), { from: 0, to: 1_000, width: 1_002 }, true);
    expect(drawn.map(({ path }) => path)).toEqual(['a', 'c', 'd']);
    expect(drawn[1]?.x0).toBe(401);
    expect(drawn[0]?.x1).toBe(400);
  });

  it('take in what is too narrow to see, and keep the colour of what is seen', () => {
    const list = documents(['tiny', 1], ['a/x', 600], ['a/y', 398], ['dust', 1]);
    const units = unitsOf(list, 1_000);
    const drawn = segmentsOf(list, units, { from: 0, to: 1_000, width: 1_002 }, true);
    expect(drawn.map(({ path, start, end }) => [path, start, end])).toEqual([
      ['a/x', 0, 601],
      ['a/y', 601, 999],
      ['dust', 999, 1_000],
    ]);
    expect(drawn[0]?.colour).toBe(colourOf(1));
  });

  it('alternate inside a folder when zoomed', () => {
    const many = Array.from({ length: 60 }, (_, i) => [`${i < 30 ? 'a' : 'b'}/f${i}`, 10] as const);
    const list = documents(...many);
    const units = unitsOf(list, 600_000);
    const drawn = segmentsOf(list, units, { from: 0, to: 100, width: 1_000 }, false);
    expect(drawn.map(({ alt }) => alt).slice(0, 4)).toEqual([false, true, false, true]);
    expect(new Set(drawn.map(({ colour }) => colour)).size).toBe(1);
  });
});

describe('band', () => {
  const compact = geometryOf('compact');
  const list = documents(['a', 500], ['b', 500]);
  const scale = { from: 0, to: 1_000, width: 1_002 };

  it('hatches what is not read, from the very token on', () => {
    const drawn = bandShapes(segmentsOf(list, unitsOf(list, 1_000), scale, true), 700, scale, compact);
    const solid = drawn.filter(({ paint }) => paint.startsWith('m-doc'));
    const hatched = drawn.filter(({ paint }) => paint.startsWith('m-un'));
    expect(solid).toHaveLength(2);
    expect(hatched).toHaveLength(1);
    expect(hatched[0]?.kind === 'rect' && hatched[0].x).toBe(701);
    expect(drawn.some(({ paint }) => paint.startsWith('m-hatch'))).toBe(true);
  });

  it('outlines instead where the band is too low for hatching', () => {
    const thin = geometryOf('thin', 4);
    const drawn = bandShapes(segmentsOf(list, unitsOf(list, 1_000), scale, true), 0, scale, thin);
    expect(drawn.map(({ paint }) => paint.split(' ')[0])).toEqual(['m-outline', 'm-outline']);
  });

  it('shows a conversation at least 6 px wide, after the library', () => {
    const [bar] = conversationShapes(1_000_000, 20, { from: 0, to: 1_000_020, width: 1_000 }, compact);
    expect(bar?.kind === 'rect' && bar.width).toBe(6);
    expect(conversationShapes(1_000, 0, scale, compact)).toEqual([]);
  });

  it('shows a saved state every 40 px at most', () => {
    const saved = Array.from({ length: 1_000 }, (_, i) => i);
    expect(saveShapes(saved, scale, compact).length).toBeLessThanOrEqual(26);
  });

  it('cuts names by width, wide characters too', () => {
    expect(fitted('packages', 100)).toBe('packages');
    expect(fitted('packages/parser', 50)).toBe('packag…');
    expect(fitted('吾輩は猫である', 40)).toBe('吾輩…');
    expect(fitted('packages', 8)).toBe('');
  });

  it('draws a library of 5,000 documents in one go, on a canvas', () => {
    const many = documents(...Array.from({ length: 5_000 }, (_, i) => [`f${i}`, 20] as const));
    const map = mapOf(many, 60_000);
    const shapes = groundShapes(
      { map, documents: many, units: unitsOf(many, 100_000), conversation: 0 },
      { from: 0, to: 100_000, width: 30_000 },
      geometryOf('large'),
    );
    expect(shapes.length).toBeGreaterThan(2_000);
  });

  it('draws an empty library without a fault', () => {
    const map = mapOf([], 0);
    const empty = { from: 0, to: 1, width: 500 };
    expect(groundShapes({ map, documents: [], units: [], conversation: 0 }, empty, compact)).toEqual([]);
    expect(attentionShapes(0, bands, 1, empty, compact, String)).toEqual([]);
  });
});

describe('marks and keys', () => {
  const mark = (at: number, number: number): MapMark => ({ at, number, kind: 'quoted' });

  it('join when their numbers would touch', () => {
    const scale = { from: 0, to: 1_000, width: 1_002 };
    const groups = groupsOf([mark(100, 1), mark(108, 2), mark(500, 3)], scale);
    expect(groups.map(({ numbers }) => groupLabel(numbers))).toEqual(['1–2', '3']);
    expect(groupLabel([4, 3])).toBe('3–4');
    expect(groupLabel([7, 1])).toBe('1, 7');
    expect(groupLabel([9, 1, 4])).toBe('1–9');
    expect(groupLabel([2, 2])).toBe('2');
  });

  it('goes by documents, passages and hundredths', () => {
    const key = (name: string, more = {}) =>
      mapKey({ key: name, ctrlKey: false, metaKey: false, shiftKey: false, ...more });
    expect(key('ArrowRight')).toEqual({ kind: 'move', share: 0.01 });
    expect(key('ArrowLeft', { shiftKey: true })).toEqual({ kind: 'move', share: -0.1 });
    expect(key('ArrowRight', { ctrlKey: true })).toEqual({ kind: 'document', by: 1 });
    expect(key(']')).toEqual({ kind: 'passage', by: 1 });
    expect(key('+')).toEqual({ kind: 'zoom', factor: 0.5 });
    expect(key('+', { ctrlKey: true })).toBeNull(); // the window's own zoom
    expect(key('a')).toBeNull();
    expect([beside([10, 20, 30], 20, 1), beside([10, 20, 30], 20, -1), beside([10], 10, 1)]).toEqual([
      30, 10, 10,
    ]);
  });
});
