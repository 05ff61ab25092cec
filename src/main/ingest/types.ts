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
  /** null: left out, or known from an earlier scan and not opened (then extraction finds it out) */
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
  /** normalised text: NFC kept as is, line ends \n, no BOM, no NUL; empty only of a long text, see `length` */
  readonly text: string;
  /** of a long text, which was handed over in pieces: its code units */
  readonly length?: number;
  readonly title: string | null;
  readonly language: string | null;
  readonly encoding: string;
  readonly sections: readonly Section[];
  /** 'partly' when something inside could not be read */
  readonly outcome: 'read' | 'partly';
  /** what could not be read; also with 'read': what was left out or guessed (pictures, the encoding) */
  readonly reason: string | null;
}

/** A stretch of a long text; they come in order, and together they are the text. */
export interface TextPiece {
  /** of the document that it is a piece of */
  readonly hash: ContentHash;
  readonly kind: DocumentKind;
  /** offset of its first code unit in the whole text, and the line of that, 1-based */
  readonly start: number;
  readonly line: number;
  readonly text: string;
  /** with offsets and lines in the whole text */
  readonly passages: readonly Passage[];
}

/** Takes care of a piece; the next one is made when it resolves. False: no more are wanted. */
export type OnPiece = (piece: TextPiece) => Promise<boolean>;

export interface ScanOptions {
  readonly maxFileBytes: number;
  readonly signal?: AbortSignal;
  /**
   * Files whose text is there already, by absolute path. One with this path, size and time is not opened; what its name,
   * its size and the ignore files say of it holds as of any other.
   */
  readonly known?: (absolutePath: string) => KnownFile | undefined;
}

export type KnownFile = Pick<ScanEntry, 'path' | 'bytes' | 'mtimeMs'>;

/** Version of extraction + passages: part of a state's key; raised when the same file would give other text. */
export type ExtractorVersion = number;

export interface Ingest {
  scan(roots: readonly string[], options: ScanOptions): AsyncIterable<ScanEntry>;
  /**
   * In a worker with heap cap and time limit; a crash costs one file: AppError 'invalid-input' | 'unsupported'.
   * @param onPiece takes a long text (`readInPieces`) in pieces; without it such a text is read whole
   */
  extract(entry: ScanEntry, signal?: AbortSignal, onPiece?: OnPiece): Promise<ExtractedDocument>;
  /** SHA-256 of the bytes of a file in an archive, as its document has it. @throws AppError */
  hashMember(member: ArchiveMember): Promise<ContentHash>;
  /** passages in text order, by structure (functions and classes, headings, paragraphs), about `targetTokens` each */
  passages(document: ExtractedDocument): readonly Passage[];
  close(): Promise<void>;
}
