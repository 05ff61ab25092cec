import type { Encoding } from '../../shared/encodings.ts';
import type { ContentHash, FileOutcome, Passage } from '../../shared/model/index.ts';

/** A file found by the scan. Order: roots as given, folders before siblings by code-point order of the path. */
export interface ScanEntry {
  /** path within the library, '/'-separated: the root's base name and what is below it */
  readonly path: string;
  /** of a file in an archive: the archive's path, and behind it the name in the archive */
  readonly absolutePath: string;
  /** null or absent: a file of its own */
  readonly member?: ArchiveMember | null;
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly kind: FileFormat | null;
  /** of a text file, chosen by the user; null: chosen once, guessed again; absent: never chosen */
  readonly encoding?: Encoding | null;
  /** null: to be extracted; otherwise the file is listed with this outcome and reason */
  readonly outcome: Extract<FileOutcome, 'skipped' | 'refused'> | null;
  readonly reason: string | null;
}

/** which reader a file needs */
export type FileFormat =
  | 'text'
  | 'markdown'
  | 'code'
  | 'rst'
  | 'org'
  | 'asciidoc'
  | 'latex'
  | 'subtitles'
  | 'csv'
  | 'notebook'
  | 'html'
  | 'epub'
  | 'pdf'
  | 'docx'
  | 'odf'
  | 'pptx'
  | 'xlsx'
  | 'rtf'
  | 'mail';

/** What its text is: 'code' and 'data' (tables) are lines, everything else is prose. */
export type DocumentKind =
  Exclude<FileFormat, 'rst' | 'org' | 'asciidoc' | 'latex' | 'csv' | 'xlsx'> | 'data';

/** a file inside an archive */
export interface ArchiveMember {
  /** absolute path of the archive */
  readonly archive: string;
  /** its name in the archive, as the archive spells it */
  readonly name: string;
}

export interface Section {
  /** offsets in UTF-16 code units of `text` */
  readonly start: number;
  readonly end: number;
  /** heading path, outermost first: ['Moby-Dick', 'CHAPTER 1. Loomings.'] */
  readonly headings: readonly string[];
}

export interface ExtractedDocument {
  readonly kind: DocumentKind;
  /** SHA-256 of the file's bytes; with a chosen encoding, see `contentHash` */
  readonly hash: ContentHash;
  /** normalised text: NFC kept as is, line ends \n, no BOM, no NUL; never empty */
  readonly text: string;
  readonly title: string | null;
  readonly language: string | null;
  readonly encoding: string;
  readonly sections: readonly Section[];
  /** 'partly' when something inside could not be read */
  readonly outcome: 'read' | 'partly';
  /** what could not be read; also with 'read': what was left out or guessed (pictures, the encoding) */
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
