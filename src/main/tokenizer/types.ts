/** What the rest of the program sees of a tokenizer and a chat template. */

/** A model file's metadata, as read from GGUF. Every value is checked before it is used. */
export type TokenizerMetadata = ReadonlyMap<string, unknown>;

/** A stretch of text and whether special tokens in it are recognised (template) or plain text (content). */
export interface TextSegment {
  readonly text: string;
  readonly special: boolean;
}

export interface TokenizerOptions {
  /**
   * For a file whose own pre-tokenizer is not known: the name of another one, or 'nearest'. Default: the environment's
   * LONGLEAF_PRE_TOKENIZER; without it such a file is refused.
   */
  readonly preTokenizer?: string;
}

/**
 * Text to ids and back, from a GGUF's vocabulary. `createTokenizer(metadata)` picks byte-level BPE, SentencePiece or
 * WordPiece by `tokenizer.ggml.model`. WordPiece folds case and accents: its texts do not come back as they were.
 */
export interface Tokenizer {
  readonly kind: 'bpe' | 'spm' | 'wpm';
  readonly vocabularySize: number;
  readonly bos: number | null;
  readonly eos: number | null;
  /** ids that end an answer (eos, eot, im_end …) */
  readonly stopIds: readonly number[];
  readonly addBos: boolean;
  /** SHA-256 over everything that decides ids: equal fingerprints give equal ids for every text */
  readonly fingerprint: string;
  /** what the file asks for that is read differently, for the user: empty for supported models */
  readonly warnings: readonly string[];
  /**
   * Lone surrogates in the text become U+FFFD.
   * @param options.special false (default): special tokens in the text are plain text, so that no document can
   *   forge a turn; true: recognised (the engine's own template).
   * @param options.addBos prepend BOS
   */
  encode(text: string, options?: { special?: boolean; addBos?: boolean }): Int32Array;
  /**
   * Ids of the segments' texts as one text, so that words and spaces at a joint come out as they would in it;
   * special tokens are recognised in the segments with `special` only.
   */
  encodeSegments(segments: readonly TextSegment[], options?: { addBos?: boolean }): Int32Array;
  /** text of ids; special tokens as empty text unless asked; invalid UTF-8 as U+FFFD */
  decode(ids: ArrayLike<number>, options?: { special?: boolean }): string;
  /** incremental and UTF-8 safe: push ids, get text as soon as it is whole */
  decoder(): { push(id: number): string; end(): string };
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A chat template compiled once from the model file, run by a step-limited interpreter. */
export interface ChatTemplate {
  /** SHA-256 of the template's text */
  readonly fingerprint: string;
  /**
   * Segments of the rendered chat: literal template text (special tokens recognised when encoded) and content
   * (plain text when encoded), so that a document's "<|im_end|>" stays text.
   * @throws AppError 'invalid-input' when the template needs more steps, output or features than allowed
   */
  render(messages: readonly ChatMessage[], options: { addGenerationPrompt: boolean }): readonly TextSegment[];
}
