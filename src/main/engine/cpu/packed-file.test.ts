/** Packed weights kept in a file: found again, shared, and made anew when they are not what is wanted. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../formats/index.ts';
import { encodeTinyModel } from '../../formats/testing/index.ts';
import { geometryOf } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import { firstDifference, someIds } from '../testing/runtime-conformance.ts';
import { createCpuRuntime } from './index.ts';

describe('packed weights in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-packed-'));
  const models = join(folder, 'models');
  const model = join(folder, 'model.gguf');
  const packed = `${model}.packed`;
  let expected: Float32Array;

  beforeAll(async () => {
    mkdirSync(models);
    writeFileSync(model, encodeTinyModel({ type: 'Q5_1' }));
    expected = await logits({});
    expect(existsSync(packed)).toBe(false);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function logits(options: Parameters<typeof createCpuRuntime>[1]): Promise<Float32Array> {
    const gguf = await openGguf(model);
    try {
      const runtime = await createCpuRuntime(gguf, { threads: { rows: 1, columns: 1 }, ...options });
      const cache = runtime.createCache(
        runtime.compile(preset('dense', geometryOf(runtime.hyperparameters))),
      );
      const result = await runtime.forward(cache, someIds(6), { logits: 'all' });
      await runtime.release();
      return result;
    } finally {
      await gguf.close();
    }
  }
  const open = (modelHash = 'a'): Promise<Float32Array> =>
    logits({ packed: { modelHash, folder: models, smallest: 0 } });

  it('is written once, beside the model, and gives the same bits', async () => {
    expect(firstDifference(await open(), expected)).toBe('none');
    const { mtimeMs, ino } = statSync(packed);
    expect(firstDifference(await open(), expected)).toBe('none');
    expect(statSync(packed)).toMatchObject({ mtimeMs, ino });
    // a small model is packed at every start
    rmSync(packed);
    await logits({ packed: { modelHash: 'a', folder: models } });
    expect(existsSync(packed)).toBe(false);
  });

  it.each<[string, (path: string) => void]>([
    ['a flipped bit', (path) => flip(path, 10_003)],
    ['a flipped bit in the header', (path) => flip(path, 40)],
    ['a file cut short', (path) => truncateSync(path, 20_000)],
    ['an empty file', (path) => truncateSync(path, 0)],
    ['a file of something else', (path) => writeFileSync(path, 'hello')],
  ])('%s: made anew', async (_, damage) => {
    await open();
    const before = readFileSync(packed);
    damage(packed);
    expect(firstDifference(await open(), expected)).toBe('none');
    expect(readFileSync(packed).equals(before)).toBe(true);
  });

  it('of another model: made anew', async () => {
    await open();
    const before = readFileSync(packed).subarray(0, 4096);
    await open('b');
    expect(readFileSync(packed).subarray(0, 4096).equals(before)).toBe(false);
  });

  it("goes to the data folder where it can't be written beside the model", async () => {
    rmSync(packed, { force: true });
    // even root cannot replace a folder by a file
    mkdirSync(packed);
    const other = join(models, 'model.gguf.packed');
    expect(firstDifference(await open(), expected)).toBe('none');
    const { mtimeMs } = statSync(other);
    expect(firstDifference(await open(), expected)).toBe('none');
    expect(statSync(other).mtimeMs).toBe(mtimeMs);
    rmSync(packed, { recursive: true });
    rmSync(other);
  });

  it('stays in memory where no file can be written', async () => {
    rmSync(packed, { force: true });
    mkdirSync(packed);
    const result = await logits({ packed: { modelHash: 'a', folder: join(folder, 'nowhere'), smallest: 0 } });
    expect(firstDifference(result, expected)).toBe('none');
    rmSync(packed, { recursive: true });
  });
});

function flip(path: string, at: number): void {
  const byte = readFileSync(path)[at] ?? 0;
  const file = openSync(path, 'r+');
  writeSync(file, Uint8Array.of(byte ^ 4), 0, 1, at);
  closeSync(file);
}
