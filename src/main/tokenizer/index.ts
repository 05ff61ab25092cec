/** Text to token ids and back; chats to text by the model's template. */
export type { ChatMessage, ChatTemplate, TextSegment, Tokenizer, TokenizerMetadata } from './types.ts';
export { createTokenizer } from './create-tokenizer.ts';
export { createChatTemplate } from './chat-template.ts';
export { WordPieceEncoder } from './word-piece-encoder.ts';
