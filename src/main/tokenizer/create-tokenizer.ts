import { createHash } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { BytePairEncoder } from './byte-pair-encoder.ts';
import { IdBuffer } from './id-buffer.ts';
import { preTokenizer, preTokenizerNames } from './pre-tokenizers.ts';
import type { PreTokenizer } from './pre-tokenizers.ts';
import { SentencePieceEncoder, spaceMark } from './sentence-piece-encoder.ts';
import { SpecialTokens } from './special-tokens.ts';
import type { Fragment } from './special-tokens.ts';
import { IncrementalDecoder } from './text-decoder.ts';
import { TokenBytes } from './token-bytes.ts';
import type { TextSegment, Tokenizer, TokenizerMetadata } from './types.ts';
import { flag, readVocabulary, stringArray, text } from './vocabulary.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Raised whenever a change of this code may give other ids for some text. */
const tokenizerVersion = 1;

/** What byte-pair encoding and SentencePiece do differently. */
interface Encoder {
  readonly kind: 'bpe' | 'spm';
  readonly addBos: boolean;
  /** the encoder puts a space before a text's first word, and decoding takes it away */
  readonly addSpace: boolean;
  readonly warnings: readonly string[];
  encode(text: string, into: IdBuffer): void;
}

/**
 * @param metadata of a GGUF file
 * @throws AppError 'invalid-input' for a vocabulary that contradicts itself, 'unsupported' for a kind of tokenizer
 *   that is not read (WordPiece, Unigram, RWKV)
 */
export function createTokenizer(metadata: TokenizerMetadata): Tokenizer {
  const vocabulary = readVocabulary(metadata);
  const encoder = createEncoder(metadata, vocabulary);
  const specialTokens = new SpecialTokens(vocabulary);
  const bytes = new TokenBytes(vocabulary, encoder.kind);

  const encodeSegments = (segments: readonly TextSegment[], options?: { addBos?: boolean }): Int32Array => {
    const ids = new IdBuffer();
    if (options?.addBos === true && vocabulary.bos !== null) ids.push(vocabulary.bos);
    encodeFragments(joinText(segments, specialTokens), encoder, ids);
    return ids.toArray();
  };
  const decoder = (special: boolean): IncrementalDecoder =>
    new IncrementalDecoder(bytes, { special, dropSpace: encoder.addSpace });

  return {
    kind: encoder.kind,
    vocabularySize: vocabulary.tokens.length,
    bos: vocabulary.bos,
    eos: vocabulary.eos,
    stopIds: vocabulary.stopIds,
    addBos: flag(metadata, 'tokenizer.ggml.add_bos_token', encoder.addBos),
    warnings: encoder.warnings,
    fingerprint: fingerprint(metadata, vocabulary),
    encode: (content, options) =>
      encodeSegments([{ text: content, special: options?.special === true }], options),
    encodeSegments,
    decode(ids, options) {
      const incremental = decoder(options?.special === true);
      const parts = Array.from(ids, (id) => incremental.push(id));
      return parts.join('') + incremental.end();
    },
    decoder: () => decoder(false),
  };
}

/** Fragments of all segments, with neighbouring texts joined. */
function joinText(segments: readonly TextSegment[], specialTokens: SpecialTokens): Fragment[] {
  const fragments: Fragment[] = [];
  let pending = '';
  const flush = (): void => {
    // Lone surrogates have no UTF-8. Halves of one pair in two segments are joined before this.
    if (pending !== '') fragments.push(...specialTokens.split(pending.toWellFormed(), false));
    pending = '';
  };
  for (const segment of segments) {
    if (!segment.special) {
      pending += segment.text;
      continue;
    }
    for (const fragment of specialTokens.split(segment.text, true)) {
      if (typeof fragment === 'string') pending += fragment;
      else {
        flush();
        fragments.push(fragment);
      }
    }
  }
  flush();
  return fragments;
}

function encodeFragments(fragments: readonly Fragment[], encoder: Encoder, into: IdBuffer): void {
  let afterToken = true;
  for (const fragment of fragments) {
    if (typeof fragment === 'number') {
      into.push(fragment);
      afterToken = true;
      continue;
    }
    encoder.encode(encoder.addSpace && afterToken ? ` ${fragment}` : fragment, into);
    afterToken = false;
  }
}

function createEncoder(metadata: TokenizerMetadata, vocabulary: Vocabulary): Encoder {
  const model = text(metadata, 'tokenizer.ggml.model');
  if (model === 'gpt2') return bytePairEncoder(metadata, vocabulary);
  if (model === 'llama') return sentencePieceEncoder(metadata, vocabulary);
  throw new AppError(
    'unsupported',
    `The tokenizer of this model is ${model === null ? 'not named' : `of the kind ${JSON.stringify(model)}`}.`,
    'Byte-level BPE ("gpt2") and SentencePiece ("llama") are read: choose a model with one of them.',
  );
}

function bytePairEncoder(metadata: TokenizerMetadata, vocabulary: Vocabulary): Encoder {
  const merges = stringArray(metadata, 'tokenizer.ggml.merges');
  if (merges === null)
    throw new AppError(
      'invalid-input',
      'The byte-pair vocabulary has no merges.',
      'Get the model from another source.',
    );
  const { rules, warnings } = choosePreTokenizer(text(metadata, 'tokenizer.ggml.pre'));
  const encoder = new BytePairEncoder(vocabulary, merges, rules);
  return {
    kind: 'bpe',
    addBos: rules.addBos,
    addSpace: false,
    warnings,
    encode: (content, into) => encoder.encode(content, into),
  };
}

function choosePreTokenizer(name: string | null): { rules: PreTokenizer; warnings: string[] } {
  const rules = preTokenizer(name ?? 'default');
  if (rules === undefined)
    throw new AppError(
      'unsupported',
      `The model's pre-tokenizer ${JSON.stringify(name)} is not known: its texts would be cut into wrong tokens.`,
      `Known are: ${preTokenizerNames.join(', ')}. Choose another model, or update Longleaf.`,
    );
  const warnings =
    name === null
      ? [
          'The model file does not name its pre-tokenizer (tokenizer.ggml.pre): the default is used. Answers may suffer.',
        ]
      : [];
  return { rules, warnings };
}

function sentencePieceEncoder(metadata: TokenizerMetadata, vocabulary: Vocabulary): Encoder {
  const encoder = new SentencePieceEncoder(vocabulary);
  return {
    kind: 'spm',
    addBos: true,
    addSpace: flag(metadata, 'tokenizer.ggml.add_space_prefix', true),
    warnings: [],
    encode: (content, into) => encoder.encode(content.replaceAll(' ', spaceMark), into),
  };
}

function fingerprint(metadata: TokenizerMetadata, vocabulary: Vocabulary): string {
  const hash = createHash('sha256');
  const settings = ['model', 'pre', 'add_space_prefix'].map(
    (key) => metadata.get(`tokenizer.ggml.${key}`) ?? null,
  );
  hash.update(JSON.stringify([tokenizerVersion, ...settings, vocabulary.tokens.length]));
  hash.update(vocabulary.tokens.join('\0'));
  hash.update((stringArray(metadata, 'tokenizer.ggml.merges') ?? []).join('\0'));
  for (const { buffer, byteOffset, byteLength } of [vocabulary.types, vocabulary.scores])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}
