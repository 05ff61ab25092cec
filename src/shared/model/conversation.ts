import type { ConversationId, FolderId, LibraryId, MessageId } from './ids.ts';
import type { Receipt } from './receipt.ts';

/** A verified quote: `quote` stands word for word in the document at [start, end). */
export interface Citation {
  readonly document: string;
  /** path within the library, as shown to the user */
  readonly path: string;
  /** offsets in UTF-16 code units of the extracted text */
  readonly start: number;
  readonly end: number;
  readonly quote: string;
  /** 1-based lines of the extracted text (for source code: of the file) */
  readonly lineStart?: number;
  readonly lineEnd?: number;
  readonly section?: string;
}

export interface SamplingParameters {
  /** 0 = greedy, deterministic; range 0..2 */
  readonly temperature: number;
  /** 0 = off */
  readonly topK: number;
  /** (0, 1]; 1 = off */
  readonly topP: number;
  /** [0, 1); 0 = off */
  readonly minP: number;
  /** 1 = off; llama.cpp's rule: positive logits are divided, negative ones multiplied */
  readonly repetitionPenalty: number;
  /** last N tokens that the penalty looks at */
  readonly repetitionWindow: number;
  readonly seed: number;
  readonly maxTokens: number;
}

/** times in ms, counted from the start of the process that the user started */
export interface TurnTimings {
  readonly spawnMs: number;
  readonly modelReadyMs: number;
  readonly restoredMs: number;
  readonly firstTokenMs: number;
  readonly prefillTokens: number;
  readonly prefillTokensPerSecond: number;
  readonly decodeTokens: number;
  readonly decodeTokensPerSecond: number;
}

export type MessageStatus = 'running' | 'done' | 'stopped' | 'interrupted' | 'failed';

export interface Message {
  readonly id: MessageId;
  readonly conversationId: ConversationId;
  /** the message before it: edits and regenerations are siblings under one parent */
  readonly parentId: MessageId | null;
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
  readonly status: MessageStatus;
  /** ISO 8601, UTC */
  readonly createdAt: string;
  /** of an answer: what it was made with */
  readonly model?: string;
  readonly backend?: string;
  readonly plan?: string;
  readonly parameters?: SamplingParameters;
  readonly receipt?: Receipt;
  readonly citations?: readonly Citation[];
  readonly timings?: TurnTimings;
  /** of a user message: the passages text that was put before the question in this turn, exactly as read */
  readonly passagesText?: string;
}

export interface Conversation {
  readonly id: ConversationId;
  readonly title: string;
  readonly libraryId: LibraryId | null;
  /** null = in no folder */
  readonly folderId: FolderId | null;
  readonly pinned: boolean;
  /** what was typed and not sent; '' = nothing */
  readonly draft: string;
  readonly systemPrompt: string;
  /** of the turns to come, where they are not the app's defaults */
  readonly parameters: Partial<SamplingParameters> | null;
  /** of the turns to come: id of a model, name of a plan; null = the app's defaults */
  readonly model: string | null;
  readonly plan: string | null;
  /** last message of the branch that is shown */
  readonly currentId: MessageId | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** set = in the trash */
  readonly deletedAt: string | null;
}

/** Folders hold conversations, and no folders. */
export interface Folder {
  readonly id: FolderId;
  readonly name: string;
  readonly createdAt: string;
}
