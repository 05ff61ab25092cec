import { createHash } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { BytePairEncoder } from './byte-pair-encoder.ts';
import { IdBuffer } from './id-buffer.ts';
import { nearestPreTokenizer, preTokenizer, preTokenizerNames } from './pre-tokenizers.ts';
import type { PreTokenizer } from './pre-tokenizers.ts';
import { SentencePieceEncoder, spaceMark } from './sentence-piece-encoder.ts';
import { SpecialTokens } from './special-tokens.ts';
import type { Fragment } from './special-tokens.ts';
import { IncrementalDecoder } from './text-decoder.ts';
import { TokenBytes } from './token-bytes.ts';
import type { TextSegment, Tokenizer, TokenizerMetadata, TokenizerOptions } from './types.ts';
import { flag, readVocabulary, stringArray, text } from './vocabulary.ts';
import type { Vocabulary } from './vocabulary.ts';
import { WordPieceEncoder, wordPieces } from './word-piece-encoder.ts';

/** Raised whenever a change of this code may give other ids for some text. */
const tokenizerVersion = 2;

/** What byte-pair encoding, SentencePiece and WordPiece do differently. */
interface Encoder {
  readonly kind: Tokenizer['kind'];
  readonly addBos: boolean;
  /** the encoder puts a space before a text's first word, and decoding takes it away */
  readonly addSpace: boolean;
  readonly warnings: readonly string[];
  /** name of the rules by which a text is cut; null where there are none */
  readonly preTokenizer: string | null;
  encode(text: string, into: IdBuffer): void;
}

/**
 * @param metadata of a GGUF file
 * @throws AppError 'invalid-input' for a vocabulary that contradicts itself, 'unsupported' for a kind of tokenizer
 *   that is not read (Unigram, RWKV) or a pre-tokenizer that is not known
 */
export function createTokenizer(metadata: TokenizerMetadata, options: TokenizerOptions = {}): Tokenizer {
  const vocabulary = readVocabulary(metadata);
  const wanted = options.preTokenizer ?? process.env['LONGLEAF_PRE_TOKENIZER'] ?? null;
  const encoder = createEncoder(metadata, vocabulary, wanted);
  const specialTokens = new SpecialTokens(vocabulary, { stripsAfter: stripsAfterTokens(metadata) });
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
    fingerprint: fingerprint(metadata, vocabulary, encoder.preTokenizer),
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

function createEncoder(
  metadata: TokenizerMetadata,
  vocabulary: Vocabulary,
  wantedPreTokenizer: string | null,
): Encoder {
  const model = text(metadata, 'tokenizer.ggml.model');
  if (model === 'gpt2') return bytePairEncoder(metadata, vocabulary, wantedPreTokenizer);
  if (model === 'llama') return sentencePieceEncoder(metadata, vocabulary);
  if (model === 'bert') return wordPieceEncoder(metadata, vocabulary);
  throw new AppError(
    'unsupported',
    `The tokenizer of this model is ${model === null ? 'not named' : `of the kind ${JSON.stringify(model)}`}.`,
    'Byte-level BPE ("gpt2"), SentencePiece ("llama") and WordPiece ("bert") are read: choose a model with one of them.',
  );
}

function bytePairEncoder(
  metadata: TokenizerMetadata,
  vocabulary: Vocabulary,
  wantedPreTokenizer: string | null,
): Encoder {
  const merges = stringArray(metadata, 'tokenizer.ggml.merges');
  if (merges === null)
    throw new AppError(
      'invalid-input',
      'The byte-pair vocabulary has no merges.',
      'Get the model from another source.',
    );
  const { rules, warnings } = choosePreTokenizer(text(metadata, 'tokenizer.ggml.pre'), wantedPreTokenizer);
  const encoder = new BytePairEncoder(vocabulary, merges, rules);
  return {
    kind: 'bpe',
    addBos: rules.addBos,
    addSpace: false,
    warnings,
    preTokenizer: rules.name,
    encode: (content, into) => encoder.encode(content, into),
  };
}

/**
 * The file's own; where it is unknown, the one that was asked for, and nothing else: another one gives wrong tokens,
 * which no error shows later.
 * @param wanted a known name, or 'nearest'; null: nobody asked
 */
function choosePreTokenizer(
  name: string | null,
  wanted: string | null,
): { rules: PreTokenizer; warnings: string[] } {
  const own = preTokenizer(name ?? 'default');
  if (own !== undefined) return { rules: own, warnings: name === null ? [unnamedWarning] : [] };
  const asked = wanted === 'nearest' ? nearestPreTokenizer(name ?? '') : wanted;
  const rules = asked === null ? undefined : preTokenizer(asked);
  if (rules !== undefined) {
    const unknown = JSON.stringify(name?.slice(0, 64));
    return {
      rules,
      warnings: [
        `The pre-tokenizer ${unknown} is not known; "${rules.name}" is used as asked. Answers may suffer.`,
      ],
    };
  }
  throw new AppError(
    'unsupported',
    `The model's pre-tokenizer ${JSON.stringify(name?.slice(0, 64))} is not known: its texts would be cut into wrong tokens.`,
    'Choose another model, or update Longleaf. To try another one all the same, set LONGLEAF_PRE_TOKENIZER to ' +
      `"nearest" or to one of: ${preTokenizerNames.join(', ')}.`,
  );
}

const unnamedWarning =
  'The model file does not name its pre-tokenizer (tokenizer.ggml.pre): the default is used. Answers may suffer.';

/**
 * Phi 3's special tokens swallow the white space after them (`rstrip` in its tokenizer.json). GGUF does not hold that;
 * llama.cpp knows it by the model's name, and so do we.
 */
function stripsAfterTokens(metadata: TokenizerMetadata): boolean {
  return /phi-?3/i.test(text(metadata, 'general.name') ?? '');
}

function wordPieceEncoder(metadata: TokenizerMetadata, vocabulary: Vocabulary): Encoder {
  if (!flag(metadata, 'tokenizer.ggml.normalizer.lowercase', true)) {
    throw new AppError(
      'unsupported',
      'The WordPiece tokenizer of this model distinguishes case.',
      'Choose an uncased model.',
    );
  }
  const encoder = new WordPieceEncoder(wordPieces(vocabulary.tokens));
  return {
    kind: 'wpm',
    addBos: true,
    addSpace: true,
    warnings: [],
    preTokenizer: null,
    encode: (content, into) => into.pushAll(encoder.encode(content)),
  };
}

function sentencePieceEncoder(metadata: TokenizerMetadata, vocabulary: Vocabulary): Encoder {
  const encoder = new SentencePieceEncoder(vocabulary);
  return {
    kind: 'spm',
    addBos: true,
    addSpace: flag(metadata, 'tokenizer.ggml.add_space_prefix', true),
    warnings: [],
    preTokenizer: null,
    encode: (content, into) => encoder.encode(content.replaceAll(' ', spaceMark), into),
  };
}

function fingerprint(
  metadata: TokenizerMetadata,
  vocabulary: Vocabulary,
  preTokenizerName: string | null,
): string {
  const hash = createHash('sha256');
  const settings = ['model', 'pre', 'add_space_prefix'].map(
    (key) => metadata.get(`tokenizer.ggml.${key}`) ?? null,
  );
  const rules = [preTokenizerName, stripsAfterTokens(metadata)];
  hash.update(JSON.stringify([tokenizerVersion, ...settings, ...rules, vocabulary.tokens.length]));
  hash.update(vocabulary.tokens.join('\0'));
  hash.update((stringArray(metadata, 'tokenizer.ggml.merges') ?? []).join('\0'));
  for (const { buffer, byteOffset, byteLength } of [vocabulary.types, vocabulary.scores])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}
