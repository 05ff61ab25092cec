/** The vocabulary of a GGUF file, checked: `tokenizer.ggml.*`. */
import { AppError } from '../../shared/errors.ts';
import type { TokenizerMetadata } from './types.ts';

/** llama.cpp's `llama_token_type`. */
export const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Vocabulary {
  readonly tokens: readonly string[];
  /** `tokenType` per id */
  readonly types: Int32Array;
  /** f32 per id; empty when the file has none (BPE) */
  readonly scores: Float32Array;
  /** of equal tokens the last one counts, as in llama.cpp */
  readonly idOf: ReadonlyMap<string, number>;
  readonly bos: number | null;
  readonly eos: number | null;
  readonly unknown: number | null;
  readonly stopIds: readonly number[];
}

/**
 * Tokens that end a turn or an answer, by name: files give them all kinds of types. None of them is ever recognised
 * in a document (list: llama.cpp's end-of-generation names).
 */
const endNames = [
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<end_of_turn>',
  '<end_of_utterance>',
  '<｜end▁of▁sentence｜>',
  '</s>',
  '<EOT>',
];

/** Other marks of a turn's beginning that must not be forged either. */
const startNames = [
  '<|im_start|>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<start_of_turn>',
  '<|start|>',
];

/** @throws AppError 'invalid-input' when the vocabulary is missing or contradicts itself */
export function readVocabulary(metadata: TokenizerMetadata): Vocabulary {
  const tokens = stringArray(metadata, 'tokenizer.ggml.tokens');
  if (tokens === null || tokens.length === 0)
    throw new AppError(
      'invalid-input',
      'The model file has no vocabulary (tokenizer.ggml.tokens).',
      'Choose a GGUF file with its tokenizer in it.',
    );
  const idOf = new Map<string, number>();
  tokens.forEach((token, id) => idOf.set(token, id));
  const types = readTypes(metadata, tokens, idOf);
  const special = (name: string): number | null => specialId(metadata, name, tokens.length);
  const eos = special('eos');
  const ends = [eos, special('eot'), special('eom'), ...endNames.map((name) => idOf.get(name) ?? null)];
  return {
    tokens,
    types,
    scores: floatArray(metadata, 'tokenizer.ggml.scores', tokens.length),
    idOf,
    // BERT's files name [CLS] instead
    bos: special('bos') ?? special('cls'),
    eos,
    unknown: special('unknown'),
    stopIds: [...new Set(ends)].filter((id) => id !== null),
  };
}

function readTypes(
  metadata: TokenizerMetadata,
  tokens: readonly string[],
  idOf: ReadonlyMap<string, number>,
): Int32Array {
  const value = metadata.get('tokenizer.ggml.token_type');
  const types = new Int32Array(tokens.length).fill(tokenType.normal);
  if (ArrayBuffer.isView(value)) types.set(Int32Array.from(value as Int32Array).subarray(0, tokens.length));
  for (const name of [...endNames, ...startNames]) {
    const id = idOf.get(name);
    if (id !== undefined) types[id] = tokenType.control;
  }
  return types;
}

/** An id of the file, or null when it is absent or outside the vocabulary (some files say 2^32 - 1 for "none"). */
function specialId(metadata: TokenizerMetadata, name: string, count: number): number | null {
  const value = metadata.get(`tokenizer.ggml.${name}_token_id`);
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < count ? value : null;
}

export function flag(metadata: TokenizerMetadata, key: string, absent: boolean): boolean {
  const value = metadata.get(key);
  return typeof value === 'boolean' ? value : absent;
}

export function text(metadata: TokenizerMetadata, key: string): string | null {
  const value = metadata.get(key);
  return typeof value === 'string' ? value : null;
}

/** @returns null when the key is absent */
export function stringArray(metadata: TokenizerMetadata, key: string): readonly string[] | null {
  const value = metadata.get(key);
  if (value === undefined) return null;
  if (!Array.isArray(value) || !value.every((element) => typeof element === 'string'))
    throw new AppError('invalid-input', `${key} in the model file is not a list of strings.`);
  return value;
}

function floatArray(metadata: TokenizerMetadata, key: string, count: number): Float32Array {
  const value = metadata.get(key);
  if (value === undefined) return new Float32Array(0);
  if (!(value instanceof Float32Array) || value.length !== count || value.some(Number.isNaN))
    throw new AppError('invalid-input', `${key} in the model file is not a list of ${count} numbers.`);
  return value;
}
