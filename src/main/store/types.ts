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

export interface PassageHit {
  readonly passage: Passage;
  /** path in the library's current version */
  readonly path: string;
  readonly text: string;
  /** BM25, higher is better */
  readonly score: number;
}

export interface MessageHit {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly title: string;
  /** text around the hit; matches between U+0001 and U+0002 */
  readonly snippet: string;
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

export interface Store {
  // conversations
  createConversation(fields: {
    title: string;
    libraryId: LibraryId | null;
    systemPrompt: string;
  }): Promise<Conversation>;
  conversation(id: ConversationId): Promise<Conversation | null>;
  conversations(options: {
    limit: number;
    offset: number;
    trashed: boolean;
  }): Promise<readonly Conversation[]>;
  updateConversation(
    id: ConversationId,
    fields: Partial<Pick<Conversation, 'title' | 'systemPrompt' | 'currentId' | 'libraryId'>>,
  ): Promise<Conversation>;
  /** to the trash; `restoreConversation` undoes it */
  trashConversation(id: ConversationId): Promise<void>;
  restoreConversation(id: ConversationId): Promise<void>;
  /** the message becomes its conversation's current one and moves the conversation to the top of the list */
  addMessage(fields: {
    conversationId: ConversationId;
    parentId: MessageId | null;
    role: Message['role'];
    content: string;
    status: MessageStatus;
    passagesText?: string;
  }): Promise<Message>;
  updateAnswer(id: MessageId, fields: Partial<AnswerFields>): Promise<void>;
  setPassagesText(id: MessageId, text: string): Promise<void>;
  /** all messages of the tree, oldest first */
  messages(id: ConversationId): Promise<readonly Message[]>;
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
  /** document, passages and their index entries in one transaction */
  putDocument(document: StoredDocument, passages: readonly Passage[]): Promise<void>;
  document(hash: ContentHash): Promise<StoredDocument | null>;
  /** ids of a document's text under one tokenizer (fingerprint of the vocabulary) */
  putTokens(hash: ContentHash, tokenizer: string, ids: Int32Array): Promise<void>;
  tokens(hash: ContentHash, tokenizer: string): Promise<Int32Array | null>;
  tokenCount(hash: ContentHash, tokenizer: string): Promise<number | null>;
  /**
   * BM25 over the passages of a version's documents; the query is plain text, never FTS5 syntax. Passages that define
   * an asked identifier come first.
   */
  searchPassages(
    version: VersionId,
    query: { words: readonly string[]; identifiers: readonly string[] },
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

  // jobs: durable rows of what is under way, so that any kill resumes by itself
  putJob(job: {
    id: string;
    kind: 'add' | 'read';
    libraryId: LibraryId;
    state: 'running' | 'paused' | 'done' | 'failed';
    detail: string;
  }): Promise<void>;
  jobs(): Promise<
    readonly { id: string; kind: 'add' | 'read'; libraryId: LibraryId; state: string; detail: string }[]
  >;

  // settings
  setting(key: string): Promise<string | null>;
  setSetting(key: string, value: string): Promise<void>;

  /** integrity_check and sizes, for doctor */
  health(): Promise<{ sqliteVersion: string; integrity: string; bytes: number }>;
  /** VACUUM INTO a verified backup file in backups/ */
  backup(): Promise<string>;
  close(): Promise<void>;
}
