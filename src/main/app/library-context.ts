/** A library version as the prompt and the receipt need it: documents in reading order, and what was left out. */
import type { ContentHash, Library, LibraryFile } from '../../shared/model/index.ts';
import type { Store } from '../store/index.ts';
import type { LibraryPrefix } from './context.ts';
import { libraryPrefix } from './context.ts';
import type { LoadedModel } from './engines.ts';
import { tokensOf } from './index-files.ts';
import type { LeftOutFile, OfferedDocument } from './receipt.ts';

export interface LibraryContents {
  readonly library: Library;
  readonly files: readonly LibraryFile[];
  /** each content once, in reading order */
  readonly documents: readonly (OfferedDocument & { readonly hash: ContentHash })[];
  readonly leftOut: readonly LeftOutFile[];
  /** of the documents, without headers */
  readonly tokens: number;
}

/** The library's current version; empty for one that was never indexed. */
export async function libraryContents(store: Store, library: Library): Promise<LibraryContents> {
  const files = library.versionId === null ? [] : await store.versionFiles(library.versionId);
  return contentsOf(library, files);
}

export function contentsOf(library: Library, files: readonly LibraryFile[]): LibraryContents {
  const documents = new Map<string, LibraryContents['documents'][number]>();
  const leftOut: LeftOutFile[] = [];
  for (const { path, readAs, hash, tokens, bytes, outcome, reason } of files) {
    if (hash === null) leftOut.push({ path, bytes, reason: `${outcome}: ${reason ?? 'no reason given'}` });
    // A copy of a document that was read under another name is in the state already.
    else if (!documents.has(hash)) documents.set(hash, { key: hash, hash, path, readAs, tokens, bytes });
  }
  const list = [...documents.values()];
  return { library, files, documents: list, leftOut, tokens: list.reduce((sum, one) => sum + one.tokens, 0) };
}

/** Ids of preamble and library, for one model. */
export async function prefixOf(
  store: Store,
  model: LoadedModel,
  contents: LibraryContents,
): Promise<LibraryPrefix> {
  const documents = [];
  for (const { hash, readAs } of contents.documents) {
    const ids = await tokensOf({ store, tokenizer: model.tokenizer }, hash);
    documents.push({ key: hash, readAs, ids });
  }
  return libraryPrefix(model.writer, documents);
}
