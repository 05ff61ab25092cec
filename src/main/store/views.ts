/** What the views of the app ask of a library version, in pages: none of it grows with the library. */
import type { ContentHash, LibraryFile, VersionId } from '../../shared/model/index.ts';
import type { DocumentHit, DocumentSlice, LibraryFolder } from '../../shared/rpc/index.ts';

export interface VersionTotals {
  readonly files: number;
  /** contents that were extracted; copies count once, here and in `tokens` */
  readonly documents: number;
  readonly tokens: number;
  readonly bytes: number;
}

export interface FolderQuery {
  /** path in the library without '/' at its end; '' = the top */
  readonly folder: string;
  /** files below the folder whose path contains it, in any case */
  readonly filter?: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** A document, or a folder that stands for neighbouring documents. */
export interface OutlineUnit {
  readonly path: string;
  /** in tokens of the documents before it, in reading order */
  readonly start: number;
  readonly tokens: number;
  /** nothing of it could be extracted */
  readonly failed: boolean;
  /** something in it could not be extracted */
  readonly partly: boolean;
}

/** A stretch of a document's text; null where there is no such document. */
export type TextSlice = Pick<
  DocumentSlice,
  'kind' | 'title' | 'length' | 'lines' | 'sections' | 'from' | 'line' | 'text'
>;

export interface LibraryViews {
  versionFile(version: VersionId, path: string): Promise<LibraryFile | null>;
  versionTotals(version: VersionId): Promise<VersionTotals>;
  /** a folder that is not there has no entries */
  versionFolder(version: VersionId, query: FolderQuery): Promise<LibraryFolder>;
  /** documents that overlap [from, to) in tokens; more than `limit`: folders */
  versionUnits(
    version: VersionId,
    range: { readonly from: number; readonly to: number },
    limit: number,
  ): Promise<readonly OutlineUnit[]>;
  /** [from, from + length) in UTF-16 code units, widened to whole lines where these are not of endless length */
  documentSlice(hash: ContentHash, from: number, length: number): Promise<TextSlice | null>;
  /** passages with all words of the query (the last one may be the beginning of a word), best first */
  searchDocuments(
    version: VersionId,
    query: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly DocumentHit[]>;
}
