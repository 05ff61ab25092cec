/**
 * Writes a model file with the shape of a llama of 7B parameters in Q4_K_M (4.1 GB, weights repeat): what memory and
 * speed are measured on where no such model is at hand. `node boot.mjs run bench/shape-7b.ts FILE.gguf`, then e.g.
 * `longleaf bench prefill --model FILE.gguf --tokens 64 --json`. Never commit the file.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { EncodableTensorInfo, QuantisedType } from '../src/main/formats/testing/index.ts';
import { encodeGgufHeader, quantise, tinyVocabularyMetadata } from '../src/main/formats/testing/index.ts';

/** Llama 2 7B. */
const shape = { layers: 32, heads: 32, embedding: 4096, feedForward: 11_008, vocabulary: 32_000 } as const;
const alignment = 32;

type Tensor = EncodableTensorInfo & { readonly type: QuantisedType };

function tensors(): Tensor[] {
  const { layers, embedding, feedForward, vocabulary } = shape;
  const matrix = (name: string, type: QuantisedType, columns: number, rows: number): Tensor => {
    return { name: `${name}.weight`, type, shape: [columns, rows] };
  };
  const norm = (name: string): Tensor => ({ name: `${name}.weight`, type: 'F32', shape: [embedding] });
  const block = (layer: number): Tensor[] => {
    const name = (tensor: string): string => `blk.${String(layer)}.${tensor}`;
    // half of the layers hold these in more bits (llama.cpp, use_more_bits)
    const more = layer < layers / 8 || layer >= (7 * layers) / 8 || layer % 3 === 2 ? 'Q6_K' : 'Q4_K';
    return [
      norm(name('attn_norm')),
      matrix(name('attn_q'), 'Q4_K', embedding, embedding),
      matrix(name('attn_k'), 'Q4_K', embedding, embedding),
      matrix(name('attn_v'), more, embedding, embedding),
      matrix(name('attn_output'), 'Q4_K', embedding, embedding),
      norm(name('ffn_norm')),
      matrix(name('ffn_gate'), 'Q4_K', embedding, feedForward),
      matrix(name('ffn_up'), 'Q4_K', embedding, feedForward),
      matrix(name('ffn_down'), more, feedForward, embedding),
    ];
  };
  return [
    matrix('token_embd', 'Q4_K', embedding, vocabulary),
    ...Array.from({ length: layers }, (_, layer) => block(layer)).flat(),
    norm('output_norm'),
    matrix('output', 'Q6_K', embedding, vocabulary),
  ];
}

/** Rows of one tensor, again and again: values between -0.02 and 0.02, norms of 1. */
const patterns = new Map<string, Uint8Array>();
function rowOf({ type, shape: [columns = 0], name }: Tensor): Uint8Array {
  const key = `${type} ${String(columns)}`;
  const known = patterns.get(key);
  if (known !== undefined) return known;
  const values = Float32Array.from({ length: columns }, (_, i) =>
    name.includes('norm') ? 1 : 0.02 * Math.sin(i * i),
  );
  const row = quantise(type, values);
  patterns.set(key, row);
  return row;
}

function write(path: string): void {
  const list = tensors();
  const { layers, heads, embedding, feedForward } = shape;
  const header = encodeGgufHeader({
    metadata: {
      'general.architecture': 'llama',
      'general.name': 'Shape of a 7B model',
      'llama.block_count': layers,
      'llama.context_length': 4096,
      'llama.embedding_length': embedding,
      'llama.feed_forward_length': feedForward,
      'llama.attention.head_count': heads,
      'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
      ...tinyVocabularyMetadata(),
    },
    tensors: list,
  });
  const file = openSync(path, 'w');
  writeSync(file, header);
  for (const tensor of list) {
    const row = rowOf(tensor);
    const rows = tensor.shape[1] ?? 1;
    const block = Buffer.concat(new Array<Uint8Array>(Math.min(rows, 500)).fill(row));
    for (let left = rows; left > 0; left -= 500) {
      writeSync(file, block, 0, Math.min(left, 500) * row.length);
    }
    writeSync(file, new Uint8Array((alignment - ((rows * row.length) % alignment)) % alignment));
  }
  closeSync(file);
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  process.stderr.write('usage: node boot.mjs run bench/shape-7b.ts FILE.gguf\n');
  process.exitCode = 2;
} else {
  write(path);
}
