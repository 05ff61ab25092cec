/**
 * Each operator of the dense graphs against its twin in `reference`, and row by row against itself: a row's bits
 * must not depend on how many rows are computed with it (design section 3, "Reproducible").
 */
import { describe, expect, it } from 'vitest';
import { dequantise } from '../../formats/index.ts';
import { quantise } from '../../formats/testing/index.ts';
import { matmul } from '../reference/matmul.ts';
import { rmsNorm } from '../reference/rms-norm.ts';
import { swiglu } from '../reference/swiglu.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import { GraphBuilder } from './graph-builder.ts';
import type { WeightMatrix } from './graph-builder.ts';
import { Session, matrix } from './onnx.ts';
import { isQuantised, repackMatrix, repackReference } from './quantised-matmul.ts';
import { noise } from './testing/noise.ts';

const rows = 71;
/** rows of one run each: alone, in pairs, around the widths of the kernels' tiles, all but one */
const splits: readonly (readonly number[])[] = [
  [1],
  [2, 3],
  [4, 5, 6, 7],
  [8, 12, 13],
  [16, 17, 31],
  [70, 1],
];

interface Operator {
  /** by the names of the graph's inputs: columns */
  readonly inputs: Readonly<Record<string, number>>;
  readonly columns: number;
  build(graph: GraphBuilder): string;
}

async function open(operator: Operator): Promise<Session> {
  const graph = new GraphBuilder('operator');
  for (const [name, columns] of Object.entries(operator.inputs)) graph.input(name, columns);
  graph.output('y', operator.build(graph), operator.columns);
  return Session.create(graph.encode());
}

/** y of all rows, computed in runs of the given lengths (the last one repeats) */
async function runInSplits(
  session: Session,
  operator: Operator,
  inputs: Readonly<Record<string, Float32Array>>,
  lengths: readonly number[],
): Promise<Float32Array> {
  const result = new Float32Array(rows * operator.columns);
  let run = 0;
  for (let at = 0; at < rows; run++) {
    const count = Math.min(lengths[Math.min(run, lengths.length - 1)], rows - at);
    const feeds = Object.entries(operator.inputs).map(([name, columns]) => {
      // a copy: other alignments in memory must not matter either
      const part = inputs[name].slice(at * columns, (at + count) * columns);
      return [name, matrix(part, count, columns)] as const;
    });
    const y = matrix(result.subarray(at * operator.columns), count, operator.columns);
    await session.run(Object.fromEntries(feeds), { y });
    at += count;
  }
  return result;
}

/** Compares with `expected`, and every split with the whole. */
async function check(
  operator: Operator,
  inputs: Readonly<Record<string, Float32Array>>,
  expected: Float32Array,
  bound: number,
): Promise<void> {
  const session = await open(operator);
  const whole = await runInSplits(session, operator, inputs, [rows]);
  expect(nmse(whole, expected)).toBeLessThan(bound);
  for (const lengths of splits) {
    const parts = await runInSplits(session, operator, inputs, lengths);
    expect(Buffer.compare(Buffer.from(parts.buffer), Buffer.from(whole.buffer)), lengths.join()).toBe(0);
  }
  await session.release();
}

type Type = 'F32' | 'F16' | 'Q4_0' | 'Q4_1' | 'Q8_0';

function weights(
  type: Type,
  outputs: number,
  columns: number,
): { matrix: WeightMatrix; values: Float32Array } {
  const bytes = quantise(type, noise(outputs * columns, outputs));
  const values = dequantise(type, bytes, outputs * columns);
  if (!isQuantised(type)) return { matrix: { bits: 32, rows: outputs, columns, values }, values };
  return { matrix: repackMatrix(type, [{ bytes, rows: outputs }], columns, repackReference), values };
}

/** activations as they are: a few large ones among small ones */
const activations = (count: number): Float32Array =>
  noise(count, 1).map((x, i) => (i % 89 === 0 ? 20 * x : x));

describe.each(['F32', 'F16', 'Q4_0', 'Q4_1', 'Q8_0'] as const)('y = x W^T, %s', (type) => {
  const shapes: readonly (readonly [outputs: number, columns: number])[] = [
    [576, 576],
    [1536, 64],
    [33, 32],
    [1, 96],
    [960, 1536],
    // no whole blocks: floats only
    [30, isQuantised(type) ? 64 : 50],
  ];
  it.each(shapes)('%i outputs of %i columns', async (outputs, columns) => {
    const { matrix: weight, values } = weights(type, outputs, columns);
    const x = activations(rows * columns);
    const expected = new Float32Array(rows * outputs);
    matmul(x, rows, columns, values, outputs, expected);
    const operator: Operator = {
      inputs: { x: columns },
      columns: outputs,
      build: (graph) => graph.linear('x', weight),
    };
    await check(operator, { x }, expected, isQuantised(type) ? bounds.reduced : bounds.f32);
  });
});

describe('operators of a block', () => {
  const columns = 576;
  const gain = noise(columns, 2);
  const x = activations(rows * columns);
  const other = noise(rows * columns, 4);

  it('several products side by side, of different types', async () => {
    const parts = (['Q4_1', 'Q8_0', 'F16'] as const).map((type, i) => weights(type, 32 * (i + 1), columns));
    const operator: Operator = {
      inputs: { x: columns },
      columns: 192,
      build: (graph) =>
        graph.linears(
          'x',
          parts.map((part) => part.matrix),
        ),
    };
    const stacked = new Float32Array(192 * columns);
    stacked.set(parts[0].values);
    stacked.set(parts[1].values, 32 * columns);
    stacked.set(parts[2].values, 96 * columns);
    const expected = new Float32Array(rows * 192);
    matmul(x, rows, columns, stacked, 192, expected);
    await check(operator, { x }, expected, bounds.reduced);
  });

  it('RMSNorm', async () => {
    const expected = new Float32Array(x.length);
    rmsNorm(x, gain, 1e-5, expected);
    const operator: Operator = {
      inputs: { x: columns },
      columns,
      build: (graph) => graph.rmsNorm('x', gain, 1e-5),
    };
    await check(operator, { x }, expected, bounds.f32);
  });

  it('residual addition and the RMSNorm after it', async () => {
    const sum = x.map((value, i) => value + other[i]);
    const normed = new Float32Array(x.length);
    rmsNorm(sum, gain, 1e-5, normed);
    const inputs = { x: columns, residual: columns };
    const build = (graph: GraphBuilder): { sum: string; normed: string } =>
      graph.addThenRmsNorm('x', 'residual', gain, 1e-5);
    await check(
      { inputs, columns, build: (graph) => build(graph).sum },
      { x, residual: other },
      sum,
      bounds.f32,
    );
    await check(
      { inputs, columns, build: (graph) => build(graph).normed },
      { x, residual: other },
      normed,
      bounds.f32,
    );
  });

  it.each([1536, 30])('SwiGLU, %i columns', async (width) => {
    const gate = activations(rows * width);
    const up = noise(rows * width, 6);
    const expected = new Float32Array(gate.length);
    swiglu(gate, up, expected);
    const operator: Operator = {
      inputs: { gate: width, up: width },
      columns: width,
      build: (graph) => graph.swiGlu('gate', 'up'),
    };
    await check(operator, { gate, up }, expected, bounds.f32);
  });
});
