/** What the views of the app show: jobs, documents, the context map, models, the machine. Plain data. */
import type { ContentHash, ConversationId, FileOutcome, LibraryFile, VersionId } from '../model/index.ts';
import type { WireError } from '../errors.ts';
import type { LibraryEvent, LibraryReport } from './events.ts';
import type { Settings } from './settings.ts';

export interface JobStatus {
  /** of the library; one job at a time works on it */
  readonly name: string;
  readonly kind: 'add' | 'update' | 'read';
  /** 'waiting': another library's job comes first; 'paused': by the user, or by `reason` */
  readonly state: 'waiting' | 'running' | 'paused' | 'done' | 'failed' | 'cancelled';
  /** why it is paused without the user's doing */
  readonly reason: 'battery' | 'asleep' | null;
  readonly progress: Extract<LibraryEvent, { kind: 'progress' }> | null;
  /** per second, in the unit of `progress`; 0 = not known yet */
  readonly rate: number;
  /** estimated seconds to the end of this phase; null = not known yet */
  readonly secondsLeft: number | null;
  /** of a job that is done; without the list of files ('library.show' and 'library.folder' have it) */
  readonly report: Omit<LibraryReport, 'files'> | null;
  readonly error: WireError | null;
}

/** Broadcasts of state. Whoever shows the thing asks for it again; `job` carries it, since it changes all the time. */
export type AppEvent =
  | { readonly kind: 'conversations' }
  | { readonly kind: 'libraries'; readonly name: string | null }
  | { readonly kind: 'models' }
  | { readonly kind: 'settings'; readonly settings: Settings }
  | { readonly kind: 'job'; readonly job: JobStatus }
  /** files of the library are others on disk than in its version: numbers of files */
  | {
      readonly kind: 'changed';
      readonly name: string;
      /** of the library when it was looked at: of another version this says nothing */
      readonly versionId: VersionId;
      readonly added: number;
      readonly changed: number;
      readonly renamed: number;
      readonly removed: number;
    }
  /** an answer is being written, or no longer */
  | { readonly kind: 'answering'; readonly conversations: readonly ConversationId[] }
  /** what a user may want to know beside results, in words */
  | { readonly kind: 'note'; readonly text: string };

export interface LibraryFolder {
  readonly folder: string;
  /** entries in all, of which this is one page */
  readonly total: number;
  readonly entries: readonly LibraryEntry[];
}

export type LibraryEntry =
  | {
      readonly kind: 'folder';
      /** path in the library */
      readonly path: string;
      readonly files: number;
      readonly tokens: number;
      readonly counts: Readonly<Record<FileOutcome, number>>;
      /** first token in reading order; null: nothing in it was extracted */
      readonly start: number | null;
    }
  | (Pick<LibraryFile, 'path' | 'outcome' | 'reason' | 'bytes' | 'tokens' | 'readAs'> & {
      readonly kind: 'file';
      readonly start: number | null;
    });

export interface DocumentSlice {
  readonly path: string;
  readonly hash: ContentHash;
  /** of the extractor: 'code', 'text', 'markdown', 'epub' … */
  readonly kind: string;
  readonly title: string | null;
  readonly outcome: FileOutcome;
  readonly reason: string | null;
  readonly tokens: number;
  /** of the whole text: UTF-16 code units, lines */
  readonly length: number;
  readonly lines: number;
  /** headings, by where they begin */
  readonly sections: readonly { readonly start: number; readonly headings: readonly string[] }[];
  /** of `text` in the whole; `line` is 1-based */
  readonly from: number;
  readonly line: number;
  readonly text: string;
}

export interface DocumentHit {
  readonly path: string;
  /** offsets of the passage in the extracted text, 1-based lines */
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly section: string;
  /** text around the hit; matches between U+0001 and U+0002 */
  readonly snippet: string;
}

export interface MapDocument {
  /** a document; or a folder, where a library has too many documents to draw */
  readonly path: string;
  /** in tokens, in reading order */
  readonly start: number;
  readonly tokens: number;
  readonly state: 'read' | 'partly' | 'unread' | 'failed';
}

/** A stretch of distances that the plan sees in the same way, from the nearest outwards. */
export interface MapRegion {
  /** distances in tokens (from, to]; `to` null = back to the beginning */
  readonly from: number;
  readonly to: number | null;
  /** one key in `stride` */
  readonly stride: number;
}

export interface ContextMap {
  readonly library: string;
  /** of the library */
  readonly tokens: number;
  /** tokens from the beginning that a state holds; 0 = indexed only */
  readonly read: number;
  /** first token that an update would read again; null = nothing changed since */
  readonly changedFrom: number | null;
  readonly documents: readonly MapDocument[];
  /** positions of saved states */
  readonly checkpoints: readonly number[];
  readonly plan: {
    readonly name: string;
    /** 'sliding': bands behind the query; 'aligned': segments of the sequence */
    readonly alignment: 'sliding' | 'aligned';
    readonly sinks: number;
    readonly regions: readonly MapRegion[];
  };
}

export interface ModelSummary {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** where the file lies, when the data folder holds a link to it only */
  readonly link: string | null;
  readonly bytes: number;
  /** of its weights as the engine lays them out, kept beside it and removed with it; 0 = it has not answered yet */
  readonly packedBytes: number;
  readonly isDefault: boolean;
  /** as the manifest or the file itself says it */
  readonly licence: string | null;
  /** null: the file can't be used, and `problem` says why */
  readonly details: {
    readonly architecture: string;
    readonly parameters: number;
    /** of most weights: 'Q4_1' … */
    readonly quantisation: string;
    /** tokens */
    readonly trainedLength: number;
  } | null;
  readonly problem: WireError | null;
  /** null: the file can't be used */
  readonly fit: ModelFit | null;
  /** was it shown that reading far helps this model? null: never measured */
  readonly farReading: {
    readonly passed: boolean;
    readonly difference: number;
    readonly interval95: readonly [number, number];
    readonly facts: number;
  } | null;
}

/** A download that was interrupted: what has come of it lies there until it goes on, or is discarded. */
export interface PartialModel {
  /** name that the file will have */
  readonly file: string;
  /** of resources/models.json; null: it came from an address */
  readonly id: string | null;
  readonly url: string;
  readonly sha256: string | null;
  /** bytes; total null = the server has not said */
  readonly done: number;
  readonly total: number | null;
}

/** What a model needs, and what the machine has; MB of 2^20 bytes. Estimates. */
export interface ModelFit {
  readonly weightsMB: number;
  /** keys and values, when the plan that it is used with by default is full */
  readonly stateMB: number;
  /** the runtime, and what a chunk of tokens takes while it is computed */
  readonly scratchMB: number;
  /** all of it */
  readonly memoryMB: number;
  readonly freeMB: number;
  readonly fits: boolean;
  /** null: this machine has not been measured */
  readonly speed: {
    readonly prefillTokensPerSecond: number;
    readonly decodeTokensPerSecond: number;
    /** with this very model, not estimated from another one */
    readonly measured: boolean;
  } | null;
}

/** A model that was checked again. */
export type ModelVerifyEvent =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | {
      readonly kind: 'done';
      readonly sha256: string;
      /** whose word it was compared with; null: nobody has said what it should be */
      readonly comparedWith: 'manifest' | 'record' | null;
    };

export type ModelEvent =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly model: ModelSummary };

export interface HardwareReport {
  readonly platform: string;
  readonly cpu: { readonly name: string; readonly cores: number; readonly features: readonly string[] };
  readonly memoryMB: { readonly total: number; readonly free: number };
  readonly devices: readonly {
    readonly name: string;
    readonly backend: string;
    readonly usable: boolean;
    /** why not */
    readonly reason: string | null;
  }[];
  readonly versions: Readonly<Record<string, string>>;
}

/** bytes */
export interface DataUsage {
  readonly folder: string;
  readonly database: number;
  readonly states: number;
  readonly models: number;
  readonly backups: number;
  /** left on the disk */
  readonly free: number;
}

export interface Backup {
  readonly name: string;
  readonly bytes: number;
  readonly createdAt: string;
}

export interface SampleBook {
  /** that it answers, in its own language */
  readonly questions: readonly string[];
  /** of the library that it becomes */
  readonly name: string;
  /** absolute */
  readonly path: string;
  readonly bytes: number;
}

/** How a text file was decoded. */
export interface FileEncoding {
  /** null: not looked at, since the file is large */
  readonly encoding: string | null;
  /** by statistics: it may be wrong */
  readonly guessed: boolean;
  /** by the user */
  readonly chosen: boolean;
}
