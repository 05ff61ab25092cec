/**
 * Text to ids and back, from a GGUF's vocabulary. `createTokenizer(metadata)` picks byte-level BPE or
 * SentencePiece by `tokenizer.ggml.model`.
 */
export interface Tokenizer {
  readonly kind: 'bpe' | 'spm';
  readonly vocabularySize: number;
  readonly bos: number | null;
  readonly eos: number | null;
  /** ids that end an answer (eos, eot, im_end …) */
  readonly stopIds: readonly number[];
  readonly addBos: boolean;
  /**
   * @param options.special false (default): special tokens in the text are plain text, so that no document can
   *   forge a turn; true: recognised (the engine's own template).
   * @param options.addBos prepend BOS
   */
  encode(text: string, options?: { special?: boolean; addBos?: boolean }): Int32Array;
  /** text of ids; special tokens as empty text unless asked */
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
  /**
   * Segments of the rendered chat: literal template text (special tokens recognised when encoded) and content
   * (plain text when encoded), so that a document's "<|im_end|>" stays text.
   * @throws AppError 'invalid-input' when the template needs more steps, output or features than allowed
   */
  render(
    messages: readonly ChatMessage[],
    options: { addGenerationPrompt: boolean },
  ): readonly { readonly text: string; readonly special: boolean }[];
}
