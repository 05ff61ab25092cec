import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256File } from '../sha256.ts';
import { encodeGguf, encodeTinyLlama, quantise } from '../testing/index.ts';
import type { EncodableGguf } from '../testing/index.ts';
import { openGguf } from './open.ts';
import { verifyGguf } from './verify.ts';

describe('openGguf', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'longleaf-gguf-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function write(file: EncodableGguf): string {
    const path = join(folder, 'model.gguf');
    writeFileSync(path, encodeGguf(file));
    return path;
  }

  it.each([2, 3])('reads back what was written (version %i)', async (version) => {
    const data = Float32Array.from({ length: 64 }, (_, i) => i / 7);
    const path = write({
      version,
      alignment: 64,
      metadata: {
        text: 'Grüße 🌲',
        yes: true,
        small: 7,
        negative: -7,
        epsilon: { f32: 0.5 },
        big: 2n ** 40n,
        strings: ['a', '', 'ü'],
        floats: Float32Array.from([1, 2.5]),
        ints: Int32Array.from([-1, 3]),
      },
      tensors: [
        { name: 'one', type: 'Q8_0', shape: [32, 2], data: quantise('Q8_0', data) },
        { name: 'two', type: 'F32', shape: [64], data },
      ],
    });
    const file = await openGguf(path);
    expect(file.version).toBe(version);
    expect(Object.fromEntries(file.metadata)).toEqual({
      text: 'Grüße 🌲',
      yes: true,
      small: 7,
      negative: -7,
      epsilon: 0.5,
      big: 2n ** 40n,
      strings: ['a', '', 'ü'],
      floats: Float32Array.from([1, 2.5]),
      ints: Int32Array.from([-1, 3]),
      'general.alignment': 64,
    });
    expect(file.tensors.get('one')).toMatchObject({ type: 'Q8_0', shape: [32, 2], bytes: 68 });
    expect(await file.readTensor('one')).toEqual(quantise('Q8_0', data));
    expect(await file.readTensor('two')).toEqual(quantise('F32', data));
    await expect(file.readTensor('three')).rejects.toThrow(/no tensor "three"/);
    await file.close();
  });

  it('reads strings longer than the window', async () => {
    const long = 'x'.repeat(600_000);
    const file = await openGguf(write({ metadata: { long, after: 1 }, tensors: [] }));
    expect(file.metadata.get('long')).toBe(long);
    expect(file.metadata.get('after')).toBe(1);
    await file.close();
  });

  it('says so when the file shrinks after it was opened', async () => {
    const path = write({
      metadata: {},
      tensors: [{ name: 'one', type: 'F32', shape: [1024], data: new Float32Array(1024) }],
    });
    const file = await openGguf(path);
    truncateSync(path, 200);
    await expect(file.readTensor('one')).rejects.toThrow(/became shorter/);
    await file.close();
  });

  it('verifies a whole file', async () => {
    const path = join(folder, 'tiny.gguf');
    writeFileSync(path, encodeTinyLlama());
    const report = await verifyGguf(path);
    expect(report).toMatchObject({ architecture: 'llama', tensors: 20, types: { Q4_1: 15, F32: 5 } });
    expect(report.sha256).toBe(await sha256File(path));
  });

  it.each([
    ['F32', 0],
    ['F16', 0],
    ['BF16', 0],
    ['Q4_0', 0],
    ['Q4_1', 2],
    ['Q5_0', 0],
    ['Q5_1', 2],
    ['Q8_0', 0],
    ['Q4_K', 2],
    ['Q5_K', 2],
    ['Q6_K', 208],
  ] as const)('finds a number that is not finite in %s', async (type, float) => {
    const data = quantise(type, new Float32Array(512).fill(1));
    // A float of the second half: NaN in every format (all exponent bits and a fraction bit).
    data.fill(0xff, data.length / 2 + float, data.length / 2 + float + (type === 'F32' ? 4 : 2));
    const path = write({ metadata: {}, tensors: [{ name: 'bad', type, shape: [512], data }] });
    await expect(verifyGguf(path)).rejects.toThrow(/"bad" holds a number that is not finite/);
  });
});
