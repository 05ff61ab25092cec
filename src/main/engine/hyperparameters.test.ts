import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GgufFile, MetadataValue, TensorInfo } from '../formats/index.ts';
import { openGguf } from '../formats/index.ts';
import { encodeTinyLlama, encodeTinyModel } from '../formats/testing/index.ts';
import { supportedArchitectures } from './architectures.ts';
import { geometryOf, readHyperparameters } from './hyperparameters.ts';
import { inverseFrequencies } from './rope.ts';

describe('readHyperparameters', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-hyperparameters-'));
  let gguf: GgufFile;
  beforeAll(async () => {
    const path = join(folder, 'tiny.gguf');
    writeFileSync(path, encodeTinyLlama({ tied: false }));
    gguf = await openGguf(path);
  });
  afterAll(async () => {
    await gguf.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** the file with some metadata or tensors changed; undefined removes */
  function changed(
    metadata: Readonly<Record<string, MetadataValue | undefined>>,
    tensors: Readonly<Record<string, Partial<TensorInfo> | undefined>> = {},
    data: Uint8Array = new Uint8Array(0),
  ): GgufFile {
    const values = new Map(gguf.metadata);
    for (const [key, value] of Object.entries(metadata)) {
      if (value === undefined) values.delete(key);
      else values.set(key, value);
    }
    const infos = new Map(gguf.tensors);
    for (const [name, change] of Object.entries(tensors)) {
      const any: TensorInfo = { name, type: 'F32', typeName: 'F32', shape: [1], offset: 0, bytes: 4 };
      if (change === undefined) infos.delete(name);
      else infos.set(name, { ...any, ...infos.get(name), ...change });
    }
    return {
      ...gguf,
      metadata: values,
      tensors: infos,
      readTensor: () => Promise.resolve(data),
      close: () => Promise.resolve(),
    };
  }

  it('reads a llama model', async () => {
    const hyperparameters = await readHyperparameters(gguf);
    expect(hyperparameters).toEqual({
      architecture: 'llama',
      name: 'Tiny random llama',
      layers: 2,
      heads: 6,
      kvHeads: 2,
      headDim: 32,
      embedding: 64,
      feedForward: 96,
      vocabulary: 288,
      trainedLength: 256,
      attentionKinds: [{ window: null, ropeBase: 10_000, ropeScale: 1, ropeFactors: null }],
      layerKinds: [0, 0],
      ropeDimensions: 32,
      ropeStyle: 'interleaved',
      ropeMagnitude: 1,
      attentionScale: 1 / Math.sqrt(32),
      attentionSoftCap: null,
      logitSoftCap: null,
      embeddingScale: 1,
      activation: 'silu',
      rmsEpsilon: Math.fround(1e-5),
    });
    expect(geometryOf(hyperparameters)).toEqual({ heads: 6, kvHeads: 2, headDim: 32, trainedLength: 256 });
  });

  it('takes defaults where the format has them', async () => {
    const keys = {
      'llama.rope.freq_base': undefined,
      'llama.rope.dimension_count': undefined,
      'llama.rope.scaling.type': 'none',
      'general.name': undefined,
    };
    const hyperparameters = await readHyperparameters(changed(keys));
    expect(hyperparameters).toMatchObject({ ropeDimensions: 32, name: '' });
    expect(hyperparameters.attentionKinds[0].ropeBase).toBe(10_000);
  });

  it('reads the frequency factors of llama 3', async () => {
    const factors = Float32Array.from({ length: 16 }, (_, i) => i + 1);
    const file = changed({}, { 'rope_freqs.weight': { shape: [16] } }, new Uint8Array(factors.buffer));
    const hyperparameters = await readHyperparameters(file);
    expect(hyperparameters.attentionKinds[0].ropeFactors).toEqual(factors);
    expect(inverseFrequencies(hyperparameters)[1]).toBeCloseTo(10_000 ** (-2 / 32) / 2, 12);
  });

  it('leaves dimensions beyond the rotated ones alone', async () => {
    const hyperparameters = await readHyperparameters(changed({ 'llama.rope.dimension_count': 8 }));
    const frequencies = inverseFrequencies(hyperparameters);
    expect(frequencies).toHaveLength(16);
    expect([...frequencies.subarray(3, 6)]).toEqual([10_000 ** (-6 / 8), 0, 0]);
  });

  it.each([
    ['another architecture, by name', { 'general.architecture': 'mamba' }, {}, 'unsupported', '"mamba"'],
    ['no architecture', { 'general.architecture': undefined }, {}, 'invalid-input', 'architecture'],
    ['control characters in a name', { 'general.architecture': 'a\u001b[2J' }, {}, 'unsupported', '"a?[2J"'],
    ['experts', { 'llama.expert_count': 8 }, {}, 'unsupported', 'Mixture-of-experts'],
    ['RoPE scaling', { 'llama.rope.scaling.type': 'su' }, {}, 'unsupported', '"su"'],
    ['no heads (a division by zero)', { 'llama.attention.head_count': 0 }, {}, 'invalid-input', 'head_count'],
    ['heads that are not a number', { 'llama.attention.head_count': '6' }, {}, 'invalid-input', 'head_count'],
    ['KV heads that do not divide', { 'llama.attention.head_count_kv': 4 }, {}, 'invalid-input', '6 heads'],
    ['half a layer', { 'llama.block_count': 1.5 }, {}, 'invalid-input', 'whole number'],
    ['more layers than tensors', { 'llama.block_count': 3 }, {}, 'invalid-input', 'no tensor "blk.2.'],
    ['fewer layers than tensors', { 'llama.block_count': 1 }, {}, 'unsupported', '"blk.1.'],
    ['a missing length', { 'llama.context_length': undefined }, {}, 'invalid-input', 'context_length'],
    ['an infinite base', { 'llama.rope.freq_base': Infinity }, {}, 'invalid-input', 'freq_base'],
    ['an odd rotation', { 'llama.rope.dimension_count': 31 }, {}, 'invalid-input', 'even'],
    ['values of another width', { 'llama.attention.value_length': 16 }, {}, 'unsupported', 'width'],
    ['a missing tensor', {}, { 'output_norm.weight': undefined }, 'invalid-input', '"output_norm.weight"'],
    [
      'a tensor of another shape',
      {},
      { 'blk.0.ffn_up.weight': { shape: [96, 64] } },
      'invalid-input',
      '96 x 64',
    ],
    [
      'a type that is not computed with',
      {},
      { 'blk.0.attn_q.weight': { type: 'OTHER', typeName: 'IQ2_XS' } },
      'unsupported',
      'IQ2_XS',
    ],
    [
      'one bias of three',
      {},
      { 'blk.0.attn_q.bias': { shape: [192] } },
      'invalid-input',
      '"blk.0.attn_k.bias"',
    ],
    ['another bias', {}, { 'blk.0.ffn_up.bias': { shape: [96] } }, 'unsupported', '"blk.0.ffn_up.bias"'],
    ['factors of another length', {}, { 'rope_freqs.weight': { shape: [8] } }, 'invalid-input', 'rope_freqs'],
  ] as const)('names %s', async (_, metadata, tensors, code, text) => {
    const read = readHyperparameters(changed(metadata, tensors));
    await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining(text) as string });
  });
});

describe('every tensor of every architecture', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-architectures-'));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(supportedArchitectures)(
    '%s: is named where it is missing, has another shape or is one too many',
    async (architecture) => {
      const path = join(folder, 'tiny.gguf');
      const shape = { heads: 2, kvHeads: 1, layers: 1, tied: false, biases: true } as const;
      writeFileSync(path, encodeTinyModel({ architecture, ...shape }));
      const gguf = await openGguf(path);
      await gguf.close();
      const read = (change: (tensors: Map<string, TensorInfo>) => void): Promise<unknown> => {
        const tensors = new Map(gguf.tensors);
        change(tensors);
        return readHyperparameters({ ...gguf, tensors });
      };
      await expect(read(() => undefined)).resolves.toMatchObject({ architecture });
      for (const [name, info] of gguf.tensors) {
        const message = expect.stringContaining(`"${name}"`) as string;
        const other: TensorInfo = { ...info, shape: [info.shape[0] + 32, ...info.shape.slice(1)] };
        await expect(read((tensors) => tensors.set(name, other))).rejects.toMatchObject({ message });
        // the head may be the embedding, and biases may be absent all together; without q | k | v, q is missed
        if (name === 'output.weight' || name.endsWith('_qkv.bias')) continue;
        const missed = expect.stringContaining(`"${name.replace('_qkv', '_q')}"`) as string;
        await expect(read((tensors) => tensors.delete(name))).rejects.toMatchObject({
          code: 'invalid-input',
          message: missed,
        });
      }
      const extra = 'blk.0.attn_sinks.weight';
      const more = read((tensors) =>
        tensors.set(extra, { ...tensorNamed(gguf, 'output_norm.weight'), name: extra }),
      );
      await expect(more).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining(extra) as string,
      });
    },
  );

  function tensorNamed(gguf: GgufFile, name: string): TensorInfo {
    const tensor = gguf.tensors.get(name);
    if (tensor === undefined) throw new Error(`${name} is missing`);
    return tensor;
  }
});
