/** Checks of metadata values against each other, before anything divides by them or uses them as an index. */
import { malformed, quote } from './faults.ts';
import type { MetadataValue } from './types.ts';

/** Hyperparameters (after "<architecture>.") that must be at least 1 wherever they are given. */
const positive = [
  'block_count',
  'context_length',
  'embedding_length',
  'feed_forward_length',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'rope.dimension_count',
  'vocab_size',
];

/**
 * @throws AppError 'invalid-input' when a hyperparameter is not a positive number where one is needed, or when the
 *   vocabulary's arrays differ in length
 */
export function checkConsistency(metadata: ReadonlyMap<string, MetadataValue>): void {
  const architecture = metadata.get('general.architecture');
  if (typeof architecture === 'string') checkHyperparameters(metadata, architecture);
  checkVocabulary(metadata);
}

function checkHyperparameters(metadata: ReadonlyMap<string, MetadataValue>, architecture: string): void {
  for (const suffix of positive) {
    const key = `${architecture}.${suffix}`;
    const value = metadata.get(key);
    // Arrays give a value per layer, where 0 may be meant (a layer without attention).
    if (value === undefined || typeof value === 'object') continue;
    if (!isPositiveInteger(value))
      throw malformed(`${quote(key)} is ${String(value)}; it must be at least 1`);
  }
}

function isPositiveInteger(value: MetadataValue): boolean {
  if (typeof value === 'bigint') return value > 0n && value <= BigInt(2 ** 31);
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 2 ** 31;
}

function checkVocabulary(metadata: ReadonlyMap<string, MetadataValue>): void {
  const tokens = metadata.get('tokenizer.ggml.tokens');
  if (tokens === undefined) return;
  const count = lengthOf(tokens, 'tokenizer.ggml.tokens');
  for (const key of ['tokenizer.ggml.scores', 'tokenizer.ggml.token_type']) {
    const value = metadata.get(key);
    if (value === undefined) continue;
    const length = lengthOf(value, key);
    if (length !== count)
      throw malformed(`there are ${count} tokens, but ${length} entries in ${quote(key)}`);
  }
}

function lengthOf(value: MetadataValue, key: string): number {
  if (typeof value !== 'object') throw malformed(`${quote(key)} is not an array`);
  return value.length;
}
