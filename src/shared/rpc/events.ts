/** What the use cases report: results of unary methods and items of streams. Plain data, JSON all the way. */
import type {
  Citation,
  Conversation,
  ConversationId,
  FileOutcome,
  Library,
  LibraryFile,
  Message,
  MessageId,
  MessageStatus,
  Receipt,
  TurnTimings,
} from '../model/index.ts';

/** The process that owns the data folder. */
export interface OwnerInfo {
  readonly pid: number;
  readonly version: string;
  readonly dataFolder: string;
}

/** A finished turn: what `ask --json` prints. */
export interface Answer {
  readonly answer: string;
  readonly status: MessageStatus;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly citations: readonly Citation[];
  readonly receipt: Receipt;
  readonly timings: TurnTimings;
  readonly model: string;
  readonly backend: string;
  /** name of the attention plan */
  readonly plan: string;
}

export type ChatEvent =
  | {
      readonly kind: 'started';
      readonly conversationId: ConversationId;
      readonly questionId: MessageId;
      readonly answerId: MessageId;
    }
  /** waiting for the engine; 0 = running */
  | { readonly kind: 'queue'; readonly place: number }
  /** progress of anything before the first token; `total` 0 = not known yet */
  | {
      readonly kind: 'progress';
      readonly phase: 'model' | 'index' | 'restore' | 'prefill';
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: 'text'; readonly text: string }
  /** last item, also of a stopped answer (`status` says so) */
  | { readonly kind: 'done'; readonly answer: Answer };

export interface FileReport {
  readonly path: string;
  readonly outcome: FileOutcome;
  readonly reason: string | null;
  readonly bytes: number;
  readonly tokens: number;
}

/** A folder of a library that is to be, or a single file. */
export interface PreviewGroup {
  readonly path: string;
  readonly files: number;
  /** estimated, where they were not counted before */
  readonly tokens: number;
}

/** What adding or updating will do, said before it is done (`--preview` ends here). */
export interface LibraryPreview {
  readonly library: string;
  readonly files: { readonly total: number; readonly toExtract: number; readonly skipped: number };
  readonly bytes: number;
  /** estimate before extraction, exact for what is in the store already */
  readonly tokens: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly renamed: number;
  readonly unchanged: number;
  /** whether a state will be read, and what of it is there already; null: indexed only */
  readonly read: {
    readonly tokens: number;
    /**
     * tokens that a stored state already holds: reading goes on from there. With changed files it is the least: where
     * they differ is known once they are extracted.
     */
    readonly fromCheckpoint: number;
    readonly seconds: number;
    readonly diskBytes: number;
  } | null;
  /** estimated seconds for extraction and index */
  readonly seconds: number;
  readonly diskBytes: number;
  /** what will be in it, in reading order, by folder */
  readonly groups: readonly PreviewGroup[];
  /** files that will be listed as skipped or refused, with their reasons */
  readonly leftOut: readonly FileReport[];
}

export interface StateReport {
  readonly plan: string;
  readonly model: string;
  readonly tokens: number;
  /** tokens of the library's current version; more than `tokens`: reading is not finished */
  readonly libraryTokens: number;
  readonly bytes: number;
  readonly checksum: string;
  readonly checkpoints: readonly {
    readonly position: number;
    readonly bytes: number;
    readonly createdAt: string;
  }[];
}

export interface LibraryReport {
  readonly library: string;
  readonly files: readonly FileReport[];
  readonly counts: Readonly<Record<FileOutcome, number>>;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly renamed: number;
  readonly unchanged: number;
  readonly tokens: number;
  readonly seconds: number;
  /** peak resident memory of core and engine together, MiB */
  readonly peakMemoryMB: number;
  /** processor time of the core since its start, all threads, s */
  readonly cpuSeconds: number;
  /** null: indexed only, nothing was read into a state */
  readonly state:
    | (StateReport & {
        readonly reusedTokens: number;
        readonly readTokens: number;
        readonly readSeconds: number;
      })
    | null;
}

export type LibraryEvent =
  | { readonly kind: 'preview'; readonly preview: LibraryPreview }
  | {
      readonly kind: 'progress';
      readonly phase: 'scan' | 'extract' | 'tokenise' | 'index' | 'model' | 'read' | 'checkpoint';
      /** in `unit`; total 0 = not known yet */
      readonly done: number;
      readonly total: number;
      readonly unit: 'files' | 'tokens' | 'bytes';
      /** the file being worked on */
      readonly file?: string;
    }
  | { readonly kind: 'file'; readonly file: FileReport }
  /** last item */
  | { readonly kind: 'done'; readonly report: LibraryReport };

export interface LibrarySummary {
  readonly library: Library;
  readonly files: number;
  readonly tokens: number;
  readonly bytes: number;
  /** 'reading': a job is under way or waits to be resumed */
  readonly status: 'indexed' | 'read' | 'reading' | 'empty';
}

export interface LibraryDetails extends LibrarySummary {
  readonly list: readonly LibraryFile[];
  readonly counts: Readonly<Record<FileOutcome, number>>;
  readonly state: StateReport | null;
}

export interface ConversationSummary {
  readonly conversation: Conversation;
  readonly messages: number;
  /** name of its library */
  readonly library: string | null;
}

export interface ConversationDetails {
  readonly conversation: Conversation;
  /** name of its library */
  readonly library: string | null;
  /** the branch that is shown, oldest first */
  readonly branch: readonly Message[];
  /** of the tree: all, or as many as were wanted */
  readonly messages: readonly Message[];
  /** of the whole tree, whatever came along */
  readonly messageCount: number;
}

export interface SearchHit {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly title: string;
  /** text around the hit; matches between U+0001 and U+0002 */
  readonly snippet: string;
}

export interface ExportedFile {
  /** suggested file name */
  readonly fileName: string;
  readonly mediaType: string;
  /** how `content` holds the bytes: text as it is, or base64 */
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
}

export interface ImportReport {
  /** whose export it was */
  readonly from: 'longleaf' | 'chatgpt' | 'claude' | 'open-webui';
  readonly conversations: readonly ConversationSummary[];
  /** had been imported before, and did not change */
  readonly unchanged: number;
  /** could not be read, and why */
  readonly failed: readonly { readonly title: string; readonly reason: string }[];
}
