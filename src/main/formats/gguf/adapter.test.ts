import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { encodeGguf, type EncodableTensor, type EncodableValue } from '../testing/index.ts';
import { openModel } from './adapter.ts';

const folder = mkdtempSync(join(tmpdir(), 'longleaf-adapter-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function matrix(name: string, columns: number, values: readonly number[]): EncodableTensor {
  return { name, type: 'F32', shape: [columns, values.length / columns], data: Float32Array.from(values) };
}

function file(
  name: string,
  tensors: readonly EncodableTensor[],
  metadata: Record<string, EncodableValue> = {},
): string {
  const path = join(folder, name);
  writeFileSync(path, encodeGguf({ metadata: { 'general.architecture': 'llama', ...metadata }, tensors }));
  return path;
}

const lora = { 'general.type': 'adapter', 'adapter.type': 'lora', 'adapter.lora.alpha': { f32: 4 } };
/** W [out 2][in 3], A [r 2][in 3], B [out 2][r 2] */
const w = matrix('w', 3, [1, 2, 3, 4, 5, 6]);
const norm = matrix('norm', 3, [7, 8, 9]);
const a = matrix('w.lora_a', 3, [1, 0, -1, 0, 2, 1]);
const b = matrix('w.lora_b', 2, [1, 0.5, -1, 2]);
const model = file('model.gguf', [w, norm]);

const refusal = async (path: string): Promise<string> => {
  try {
    await (await openModel(model, path)).close();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

it('an adapted matrix is W + (alpha / r) B A, everything else is as in the model', async () => {
  const gguf = await openModel(model, file('lora.gguf', [a, b], { ...lora, 'longleaf.plan': '{}' }));
  const read = async (name: string) => [...new Float32Array((await gguf.readTensor(name)).slice().buffer)];
  // alpha / r = 2; B A = [[1, 1, -0.5], [-1, 4, 3]]
  expect(await read('w')).toEqual([3, 4, 2, 2, 13, 12]);
  expect(await read('norm')).toEqual([7, 8, 9]);
  expect(gguf.metadata.get('longleaf.plan')).toBe('{}');
  await gguf.close();
});

it('without an adapter a model is read as it is', async () => {
  const gguf = await openModel(model);
  expect([...gguf.tensors.keys()]).toEqual(['w', 'norm']);
  await gguf.close();
});

it('what is no adapter of this model is refused with its fault', async () => {
  expect(await refusal(model)).toContain('not a LoRA adapter');
  const { 'adapter.lora.alpha': _alpha, ...withoutAlpha } = lora;
  expect(await refusal(file('alpha.gguf', [a, b], withoutAlpha))).toContain('"adapter.lora.alpha"');
  expect(await refusal(file('other.gguf', [a, b], { ...lora, 'general.architecture': 'phi3' }))).toContain(
    'another architecture',
  );
  const narrow = matrix('w.lora_a', 2, [1, 0, 0, 1]);
  expect(await refusal(file('narrow.gguf', [narrow, b], lora))).toContain('"w" does not fit');
  expect(await refusal(file('half.gguf', [a], lora))).toContain('"w" does not fit');
  expect(await refusal(file('more.gguf', [a, b, norm], lora))).toContain('belong to no matrix');
  expect(await refusal(file('none.gguf', [], lora))).toContain('belong to no matrix');
  expect(await refusal(join(folder, 'absent.gguf'))).toContain('cannot be opened');
});
