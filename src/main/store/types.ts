/**
 * The store as the core sees it: the async view of repositories that run in the store's worker thread, which
 * holds the only writing connection to longleaf.db. Every method that returns has committed durably
 * (WAL, synchronous=FULL).
 */
import type {
  Citation,
  ContentHash,
  Conversation,
  ConversationId,
  Folder,
  FolderId,
  Library,
  LibraryFile,
  LibraryId,
  Message,
  MessageId,
  MessageStatus,
  Passage,
  Receipt,
  SamplingParameters,
  TurnTimings,
  VersionId,
} from '../../shared/model/index.ts';
import type { LibraryViews } from './views.ts';

export interface MessagesWanted {
  /** most of what a question weighs */
  readonly passagesText: boolean;
  /** only this many, the last ones of the branch that is shown */
  readonly latest?: number;
}

export interface StoredDocument {
  readonly hash: ContentHash;
  readonly kind: string;
  readonly title: string | null;
  readonly text: string;
  readonly sections: readonly { start: number; end: number; headings: readonly string[] }[];
  readonly outcome: 'read' | 'partly';
  readonly reason: string | null;
  readonly extractorVersion: number;
}

/** What stands beside a document's text. */
export type DocumentHead = Pick<StoredDocument, 'kind' | 'title' | 'outcome' | 'reason'>;

/** A stretch of a long text. */
export interface StoredPiece {
  /** offset of its first code unit in the whole text, and the line of that, 1-based */
  readonly start: number;
  readonly line: number;
  readonly text: string;
}

/** ids of a text under one tokenizer (fingerprint of the vocabulary) */
export interface DocumentTokens {
  readonly tokenizer: string;
  readonly ids: Int32Array;
}

export interface PassageHit {
  readonly passage: Passage;
  /** path in the library's current version */
  readonly path: string;
  readonly text: string;
  /** higher is better: BM25, of `nearestPassages` the cosine */
  readonly score: number;
}

/** A passage that has no point yet. */
export interface PassageText {
  readonly id: number;
  /** in the version */
  readonly path: string;
  readonly section: string;
  readonly text: string;
}

/** What a passage means, as a point (embedding/). */
export interface PassageVector {
  /** of the passage */
  readonly id: number;
  /** a scale (f32, little-endian), then one signed byte per dimension */
  readonly vector: Uint8Array;
}

export interface MessageHit {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly title: string;
  /** text around the hit; matches between U+0001 and U+0002 */
  readonly snippet: string;
}

export interface StoredJob {
  readonly id: string;
  readonly kind: 'add' | 'update' | 'read';
  readonly libraryId: LibraryId;
  /** what a kill leaves 'running' goes on at the next start */
  readonly state: 'running' | 'paused' | 'cancelled' | 'done' | 'failed';
  /** JSON: what it was asked for, and the error of a failed one */
  readonly detail: string;
}

export interface AnswerFields {
  readonly content: string;
  readonly status: MessageStatus;
  readonly model?: string;
  readonly backend?: string;
  readonly plan?: string;
  readonly parameters?: SamplingParameters;
  readonly receipt?: Receipt;
  readonly citations?: readonly Citation[];
  readonly timings?: TurnTimings;
}

/** What is shown of a conversation in a list. */
export interface ListedConversation {
  readonly conversation: Conversation;
  /** in all branches */
  readonly messages: number;
  /** name of its library */
  readonly library: string | null;
}

/** Where an imported conversation comes from. */
export interface ImportSource {
  /** the app: 'chatgpt', 'claude', … */
  readonly source: string;
  /** its id there */
  readonly id: string;
  /** of what was imported: another hash means that it has changed there since */
  readonly hash: string;
}

/** A conversation as a file brings it: ids that are free and well-formed are kept, the others are made anew. */
export interface ImportedConversation {
  readonly conversation: Conversation;
  /** the whole tree; a parent before those that answer it. A 'running' one counts as 'interrupted'. */
  readonly messages: readonly Message[];
  /** null = a file that was made by hand, say: imported again, it is there twice */
  readonly source: ImportSource | null;
}

/** why a backup was made; of each kind the newest is kept */
export type BackupKind = 'manual' | 'daily' | 'before-restore' | `before-v${number}`;

export interface BackupFile {
  /** within backups/ */
  readonly name: string;
  readonly bytes: number;
  /** ISO 8601, UTC */
  readonly createdAt: string;
}

export type ConversationChange = Partial<Omit<Conversation, 'id' | 'createdAt' | 'updatedAt' | 'deletedAt'>>;

export interface Store extends LibraryViews {
  // conversations
  /** title '' = the first question will give it one */
  createConversation(fields: {
    title: string;
    libraryId: LibraryId | null;
    folderId?: FolderId | null;
    systemPrompt: string;
  }): Promise<Conversation>;
  conversation(id: ConversationId): Promise<Conversation | null>;
  /**
   * Pinned ones first, then the one with the latest message; in the trash the one that was deleted last. One without
   * title, draft and messages is nothing to show yet.
   */
  conversations(options: {
    limit: number;
    offset: number;
    trashed: boolean;
  }): Promise<readonly ListedConversation[]>;
  updateConversation(id: ConversationId, fields: ConversationChange): Promise<Conversation>;
  /** the newest message at or below this one becomes the current one */
  showBranch(id: ConversationId, message: MessageId): Promise<Conversation>;
  /** to the trash; `restoreConversation` undoes it */
  trashConversation(id: ConversationId): Promise<void>;
  restoreConversation(id: ConversationId): Promise<void>;
  /** ids of what was moved to the trash before that time (ISO 8601), or at any time */
  trashed(before?: string): Promise<readonly ConversationId[]>;
  /** for good, with all messages; only out of the trash (AppError 'conflict' otherwise) */
  purgeConversation(id: ConversationId): Promise<void>;
  /** ones without title, draft, system prompt and messages that were made before that time (ISO 8601); how many */
  dropEmptyConversations(before: string): Promise<number>;
  /** all of it or nothing; it comes at the end of the list until `sortConversations` */
  importConversation(imported: ImportedConversation): Promise<Conversation>;
  /** the conversation that was imported from there, and the hash it had; null when there is none (any more) */
  importedFrom(
    source: Pick<ImportSource, 'source' | 'id'>,
  ): Promise<{ readonly conversationId: ConversationId; readonly hash: string } | null>;
  /** by date, as after an import; otherwise the order follows what happens, since clocks go back */
  sortConversations(): Promise<void>;

  folders(): Promise<readonly Folder[]>;
  createFolder(name: string): Promise<Folder>;
  renameFolder(id: FolderId, name: string): Promise<Folder>;
  removeFolder(id: FolderId): Promise<void>;

  /** the message becomes its conversation's current one and moves the conversation to the top of the list */
  addMessage(fields: {
    conversationId: ConversationId;
    parentId: MessageId | null;
    role: Message['role'];
    content: string;
    status: MessageStatus;
    passagesText?: string;
    /** true: it is what the conversation's draft has become */
    clearsDraft?: boolean;
  }): Promise<Message>;
  updateAnswer(id: MessageId, fields: Partial<AnswerFields>): Promise<void>;
  setPassagesText(id: MessageId, text: string): Promise<void>;
  /** all messages of the tree, oldest first, unless the options say less */
  messages(id: ConversationId, options?: MessagesWanted): Promise<readonly Message[]>;
  /** messages of the tree, all branches */
  messageCount(id: ConversationId): Promise<number>;
  searchMessages(query: string, limit: number): Promise<readonly MessageHit[]>;
  /** running answers left by a crash become 'interrupted'; returns how many. Called once at start. */
  reapInterrupted(): Promise<number>;

  // libraries
  createLibrary(fields: { name: string; roots: readonly string[]; read: Library['read'] }): Promise<Library>;
  library(name: string): Promise<Library | null>;
  libraryById(id: LibraryId): Promise<Library | null>;
  libraries(): Promise<readonly Library[]>;
  updateLibrary(id: LibraryId, fields: Partial<Pick<Library, 'name' | 'roots' | 'read'>>): Promise<Library>;
  removeLibrary(id: LibraryId): Promise<void>;
  /**
   * A version is built durably step by step, and becomes the library's version in one transaction at the end; a
   * kill leaves the old version in place and the finished steps (documents) for the resumed run.
   */
  beginVersion(id: LibraryId): Promise<VersionId>;
  /** files in reading order; upserts by (version, ordinal) */
  putVersionFiles(version: VersionId, files: readonly (LibraryFile & { ordinal: number })[]): Promise<void>;
  commitVersion(id: LibraryId, version: VersionId): Promise<void>;
  versionFiles(version: VersionId): Promise<readonly LibraryFile[]>;

  // documents: content-addressed, shared by all libraries
  hasDocument(hash: ContentHash, extractorVersion: number): Promise<boolean>;
  /** document, passages, their index entries, and its ids where they are given, in one transaction */
  putDocument(document: StoredDocument, passages: readonly Passage[], tokens?: DocumentTokens): Promise<void>;
  /**
   * A text that comes in pieces: begin, all pieces in order, finish. Nobody finds it before it is finished. Returns up to
   * which offset an interrupted run has stored it: pieces before that need not be put again.
   */
  beginLongDocument(document: Pick<StoredDocument, 'hash' | 'kind' | 'extractorVersion'>): Promise<number>;
  /** a piece, its passages, their index entries and its ids in one transaction; one that is there stays as it is */
  putPiece(
    hash: ContentHash,
    piece: StoredPiece,
    passages: readonly Passage[],
    tokens: DocumentTokens,
  ): Promise<void>;
  /** Returns its tokens. @throws AppError 'not-found': it was not begun */
  finishLongDocument(document: Omit<StoredDocument, 'text'>, tokenizer: string): Promise<number | null>;
  /** the whole text, also of a long document; of more than half a billion code units the beginning */
  document(hash: ContentHash): Promise<StoredDocument | null>;
  /** what it is and how it was read; null: there is none */
  documentHead(hash: ContentHash): Promise<DocumentHead | null>;
  /** text[start, end) of a document; '' where there is none */
  documentText(hash: ContentHash, start: number, end: number): Promise<string>;
  /** the piece that begins at an offset, and where the next one begins; the first at 0, of a short text all of it */
  documentPiece(hash: ContentHash, start: number): Promise<{ text: string; next: number | null } | null>;
  /** ids of one piece of a long text; when all are there `finishTokens`, which returns how many they are */
  putTokenPiece(hash: ContentHash, tokenizer: string, start: number, ids: Int32Array): Promise<void>;
  finishTokens(hash: ContentHash, tokenizer: string): Promise<number | null>;
  /** ids of a document's text under one tokenizer (fingerprint of the vocabulary) */
  putTokens(hash: ContentHash, tokenizer: string, ids: Int32Array): Promise<void>;
  tokens(hash: ContentHash, tokenizer: string): Promise<Int32Array | null>;
  tokenCount(hash: ContentHash, tokenizer: string): Promise<number | null>;
  /** of many documents at once, in order; null: it is not there as this extractor makes it, or its ids are not */
  tokenCounts(
    hashes: readonly ContentHash[],
    extractorVersion: number,
    tokenizer: string,
  ): Promise<readonly (number | null)[]>;
  /**
   * BM25 over the passages of a version's documents; the query is plain text, never FTS5 syntax. Passages that define
   * an asked identifier come first.
   */
  searchPassages(
    version: VersionId,
    query: {
      words: readonly string[];
      identifiers: readonly string[];
      /** paths in the version: passages of these documents only */
      documents?: readonly string[] | undefined;
    },
    limit: number,
  ): Promise<readonly PassageHit[]>;
  passagesAround(
    hash: ContentHash,
    index: number,
    radius: number,
  ): Promise<readonly { passage: Passage; text: string }[]>;
  /** in how many passages of the version a word occurs, and the number of passages: for inverse document frequency */
  documentFrequencies(
    version: VersionId,
    words: readonly string[],
  ): Promise<{ total: number; counts: readonly number[] }>;
  /** in order of their ids, from above `after`; none of a version that is too large to have any */
  passagesWithoutVector(version: VersionId, after: number, limit: number): Promise<readonly PassageText[]>;
  /** false of a version that is too large to have any */
  hasAllVectors(version: VersionId): Promise<boolean>;
  putPassageVectors(vectors: readonly PassageVector[]): Promise<void>;
  /** The nearest to a point of unit length, best first; none until all passages (of these documents) have theirs. */
  nearestPassages(
    version: VersionId,
    point: Float32Array,
    documents: readonly string[] | undefined,
    limit: number,
  ): Promise<readonly PassageHit[]>;

  // jobs: durable rows of what is under way, so that any kill resumes by itself
  putJob(job: StoredJob): Promise<void>;
  /** in the order in which they were first put */
  jobs(): Promise<readonly StoredJob[]>;

  // settings
  setting(key: string): Promise<string | null>;
  setSetting(key: string, value: string): Promise<void>;
  /** those of the keys that are set */
  settings(keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** all or none */
  setSettings(values: ReadonlyMap<string, string>): Promise<void>;

  /** integrity_check and sizes, for doctor */
  health(): Promise<{ sqliteVersion: string; integrity: string; bytes: number }>;

  /** the newest first */
  backups(): Promise<readonly BackupFile[]>;
  /** A verified copy in backups/, made by a process of its own beside all other work; older copies are thinned. */
  backup(kind: BackupKind): Promise<BackupFile>;
  /**
   * Checks that backup; when the database is opened next, it takes its place, and what was there becomes a backup.
   * @throws AppError 'not-found', 'corrupt', 'unsupported' (of a newer version)
   */
  restoreAtNextOpen(name: string): Promise<void>;
  close(): Promise<void>;
}
