import type { ContentHash, FileOutcome, Passage } from '../../shared/model/index.ts';

/** A file found by the scan. Order: roots as given, folders before siblings by code-point order of the path. */
export interface ScanEntry {
  /** path within the library, '/'-separated: the root's base name and what is below it */
  readonly path: string;
  readonly absolutePath: string;
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly kind: DocumentKind | null;
  /** null: to be extracted; otherwise the file is listed with this outcome and reason */
  readonly outcome: Extract<FileOutcome, 'skipped' | 'refused'> | null;
  readonly reason: string | null;
}

export type DocumentKind = 'text' | 'markdown' | 'code' | 'epub';

export interface Section {
  /** offsets in UTF-16 code units of `text` */
  readonly start: number;
  readonly end: number;
  /** heading path, outermost first: ['Moby-Dick', 'CHAPTER 1. Loomings.'] */
  readonly headings: readonly string[];
}

export interface ExtractedDocument {
  readonly kind: DocumentKind;
  /** SHA-256 of the file's bytes */
  readonly hash: ContentHash;
  /** normalised text: NFC kept as is, line ends \n, no BOM, no NUL; never empty */
  readonly text: string;
  readonly title: string | null;
  readonly language: string | null;
  readonly encoding: string;
  readonly sections: readonly Section[];
  /** 'partly' with a reason when something inside could not be read */
  readonly outcome: 'read' | 'partly';
  readonly reason: string | null;
}

export interface ScanOptions {
  readonly maxFileBytes: number;
  readonly signal?: AbortSignal;
}

/** Version of extraction + passages: part of a state's key; raised when the same file would give other text. */
export type ExtractorVersion = number;

export interface Ingest {
  scan(roots: readonly string[], options: ScanOptions): AsyncIterable<ScanEntry>;
  /** in a worker with heap cap and time limit; a crash costs one file: AppError 'invalid-input' | 'unsupported' */
  extract(entry: ScanEntry, signal?: AbortSignal): Promise<ExtractedDocument>;
  /** passages in text order, by structure (functions and classes, headings, paragraphs), about `targetTokens` each */
  passages(document: ExtractedDocument): readonly Passage[];
  close(): Promise<void>;
}
