import { describe, expect, it } from 'vitest';
import { encodeModel, floatBytes } from './onnx-model.ts';
import type { Graph } from './onnx-model.ts';
import { Session, matrix } from './onnx.ts';

/** y = x W^T + (sum over the last axis of x), with every kind of constant and attribute that we write. */
function graph(width: number): Graph {
  const weights = Float32Array.from({ length: 2 * width }, (_, i) => (i % 7) - 3);
  const axes = new Uint8Array(new BigInt64Array([-1n]).buffer);
  return {
    name: 'test',
    inputs: [{ name: 'x', dims: ['rows', width] }],
    outputs: [{ name: 'y', dims: ['rows', 2] }],
    nodes: [
      {
        type: 'ReduceSum',
        domain: '',
        inputs: ['x', 'axes'],
        outputs: ['sum'],
        attributes: { keepdims: { kind: 'int', value: 1 } },
      },
      {
        type: 'Gemm',
        domain: '',
        inputs: ['x', 'w', 'sum'],
        outputs: ['y'],
        attributes: { transB: { kind: 'int', value: 1 }, alpha: { kind: 'float', value: 0.5 } },
      },
    ],
    initializers: [
      { name: 'w', type: 'float32', dims: [2, width], bytes: floatBytes(weights) },
      { name: 'axes', type: 'int64', dims: [1], bytes: axes },
    ],
  };
}

describe('ONNX models', () => {
  it.each([3, 127, 128, 20_000])(
    'are read by onnxruntime: %i columns (lengths of 1 to 3 bytes)',
    async (width) => {
      const session = await Session.create(encodeModel(graph(width)));
      const x = Float32Array.from({ length: 3 * width }, (_, i) => (i % 5) - 2);
      const y = matrix(new Float32Array(6), 3, 2);
      await session.run({ x: matrix(x, 3, width) }, { y });
      await session.release();
      for (let row = 0; row < 3; row++) {
        for (let column = 0; column < 2; column++) {
          let expected = 0;
          for (let k = 0; k < width; k++)
            expected += x[row * width + k] * (0.5 * (((column * width + k) % 7) - 3) + 1);
          expect(y.values[2 * row + column]).toBeCloseTo(expected, 2);
        }
      }
    },
  );

  it('begin with the bytes that protocol buffers prescribe', () => {
    const bytes = encodeModel({ name: 'g', inputs: [], outputs: [], nodes: [], initializers: [] });
    // ir_version 10 (field 1, varint), producer_name (field 2, 8 bytes), graph (field 7) with name (field 2) 'g',
    // opset_import (field 8): domain '' version 21, domain 'com.microsoft' version 1
    const opset = [0x42, 4, 0x0a, 0, 0x10, 21, 0x42, 17, 0x0a, 13, ...Buffer.from('com.microsoft'), 0x10, 1];
    const start = [0x08, 10, 0x12, 8, ...Buffer.from('longleaf'), 0x3a, 3, 0x12, 1, 0x67];
    expect([...bytes]).toEqual([...start, ...opset]);
  });

  it('refuse a constant whose bytes are not what its dims say', () => {
    const wrong = graph(4);
    const initializers = wrong.initializers.map((constant) => ({ ...constant, dims: [3] }));
    expect(() => encodeModel({ ...wrong, initializers })).toThrow(RangeError);
  });

  it('that onnxruntime refuses end in an AppError', async () => {
    const [node] = graph(3).nodes;
    if (node === undefined) throw new Error('the graph has nodes');
    const broken = { ...graph(3), nodes: [{ ...node, type: 'NoSuchOperator' }] };
    await expect(Session.create(encodeModel(broken))).rejects.toMatchObject({ code: 'internal' });
  });
});
