/**
 * LoRA adapters (Hu et al. 2021) in llama.cpp's GGUF form: for some matrices W of a model two thin ones, A and B, of
 * rank r; the adapted matrix is W + (alpha / r) B A. Merged where weights are read, so that no backend knows of it.
 */
import { AppError } from '../../../shared/errors.ts';
import { dequantise } from './dequantise.ts';
import { openGguf } from './open.ts';
import { tensorBytes } from './tensor-types.ts';
import type { GgufFile, TensorInfo } from './types.ts';

interface Pair {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
}

/** A model file, with an adapter merged into it where one is named. */
export async function openModel(path: string, adapterPath?: string): Promise<GgufFile> {
  const model = await openGguf(path);
  if (adapterPath === undefined) return model;
  try {
    return withAdapter(model, await openGguf(adapterPath));
  } catch (error) {
    await model.close();
    throw error;
  }
}

/**
 * A model whose adapted matrices are read as F32; everything else is the model's own. Closing it closes both files.
 * What the adapter says about its attention plan counts instead of the model's.
 * @throws AppError 'invalid-input' for a file that is no LoRA adapter, or not one of this model
 */
function withAdapter(model: GgufFile, adapter: GgufFile): GgufFile {
  const alpha = readAlpha(adapter);
  const pairs = readPairs(model, adapter);
  const tensors = new Map(model.tensors);
  for (const name of pairs.keys()) tensors.set(name, asF32(tensorOf(model, name)));
  const plan = adapter.metadata.get('longleaf.plan');
  return {
    ...model,
    metadata: plan === undefined ? model.metadata : new Map(model.metadata).set('longleaf.plan', plan),
    tensors,
    readTensor: async (name) => {
      const pair = pairs.get(name);
      if (pair === undefined) return model.readTensor(name);
      const merged = await readF32(model, tensorOf(model, name));
      const a = await readF32(adapter, pair.a);
      addProduct(merged, await readF32(adapter, pair.b), a, alpha, name);
      return new Uint8Array(merged.buffer);
    },
    close: async () => {
      await model.close();
      await adapter.close();
    },
  };
}

function readAlpha(adapter: GgufFile): number {
  const { metadata, path } = adapter;
  if (metadata.get('general.type') !== 'adapter' || metadata.get('adapter.type') !== 'lora') {
    throw notOfThisModel(path, 'it is not a LoRA adapter');
  }
  const alpha = metadata.get('adapter.lora.alpha');
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) {
    throw notOfThisModel(path, '"adapter.lora.alpha" is not a number');
  }
  return alpha;
}

/** By the name of the adapted matrix; shapes checked against the model. */
function readPairs(model: GgufFile, adapter: GgufFile): ReadonlyMap<string, Pair> {
  const architecture = model.metadata.get('general.architecture');
  if (adapter.metadata.get('general.architecture') !== architecture) {
    throw notOfThisModel(adapter.path, `it is for another architecture than ${String(architecture)}`);
  }
  const pairs = new Map<string, Pair>();
  for (const [name, a] of adapter.tensors) {
    if (!name.endsWith('.lora_a')) continue;
    const base = name.slice(0, -'.lora_a'.length);
    const b = adapter.tensors.get(`${base}.lora_b`);
    const target = model.tensors.get(base);
    if (b === undefined || target === undefined || !fits(target, a, b)) {
      throw notOfThisModel(adapter.path, `the matrix "${base.slice(0, 80)}" does not fit the model's`);
    }
    pairs.set(base, { a, b });
  }
  if (2 * pairs.size !== adapter.tensors.size || pairs.size === 0) {
    throw notOfThisModel(adapter.path, 'it holds tensors that belong to no matrix of the model');
  }
  return pairs;
}

/** ggml order: W [in, out], A [in, r], B [r, out] */
function fits(target: TensorInfo, a: TensorInfo, b: TensorInfo): boolean {
  const [columns, rows] = target.shape;
  const rank = a.shape[1];
  const matrices = [target, a, b].every(({ shape }) => shape.length === 2);
  return matrices && a.shape[0] === columns && b.shape[0] === rank && b.shape[1] === rows;
}

function asF32(tensor: TensorInfo): TensorInfo {
  return { ...tensor, type: 'F32', typeName: 'F32', bytes: tensorBytes('F32', countOf(tensor)) };
}

async function readF32(file: GgufFile, tensor: TensorInfo): Promise<Float32Array> {
  return dequantise(tensor.type, await file.readTensor(tensor.name), countOf(tensor));
}

function countOf(tensor: TensorInfo): number {
  return tensor.shape.reduce((product, side) => product * side, 1);
}

/** w += (alpha / r) b a, in place; w [out][in], b [out][r], a [r][in] */
function addProduct(w: Float32Array, b: Float32Array, a: Float32Array, alpha: number, name: string): void {
  const rank = Math.round(Math.sqrt((a.length * b.length) / w.length));
  const columns = a.length / rank;
  const scale = alpha / rank;
  for (let row = 0; row < w.length / columns; row++) {
    for (let i = 0; i < rank; i++) {
      const factor = scale * b[row * rank + i];
      for (let column = 0; column < columns; column++) {
        w[row * columns + column] += factor * a[i * columns + column];
      }
    }
  }
  if (!w.every(Number.isFinite)) {
    throw new AppError('invalid-input', `The adapter makes "${name}" infinite.`, 'Train or fetch it again.');
  }
}

function tensorOf(file: GgufFile, name: string): TensorInfo {
  const tensor = file.tensors.get(name);
  if (tensor === undefined) throw notOfThisModel(file.path, `it has no tensor "${name}"`);
  return tensor;
}

function notOfThisModel(path: string, why: string): AppError {
  return new AppError(
    'invalid-input',
    `The adapter ${path} can't be used with this model: ${why}.`,
    'Choose the adapter that was trained for this model (--adapter FILE.gguf).',
  );
}
