/** Where a cited document lies: in the conversation's library, or among its own files. */
import type { Citation, ConversationId } from '../../shared/model/index.ts';
import type { DocumentSlice } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';

export interface Source {
  /** name of the library, as the core knows it */
  readonly library: string;
  /** token of the passage in the library's reading order; null = not in the order */
  readonly token: number | null;
}

/** of a conversation's own files (app/library.ts) */
const ATTACHED = 'attached:';
const found = new Map<string, Promise<Source | null>>();
// A library has changed: tokens may lie elsewhere.
core.listen((event) => {
  if (event.kind === 'libraries') found.clear();
});

/** null: the document is not there any more */
export function sourceOf(
  citation: Citation,
  library: string | null,
  id: ConversationId,
): Promise<Source | null> {
  const key = JSON.stringify([library, id, citation.path, citation.start]);
  const known = found.get(key) ?? find(citation, library, id);
  found.set(key, known);
  return known;
}

/** Text around a passage. @param around code units before and behind */
export async function pageAround(
  citation: Citation,
  library: string,
  around: number,
): Promise<DocumentSlice> {
  const from = Math.max(0, citation.start - around);
  const length = citation.end - from + around;
  return core.client.call('library.document', { name: library, path: citation.path, from, length });
}

async function find(citation: Citation, library: string | null, id: ConversationId): Promise<Source | null> {
  for (const name of [library, ATTACHED + id]) {
    if (name === null) continue;
    const about = await core.client
      .call('library.document', { name, path: citation.path, length: 1 })
      .catch(() => null);
    if (about === null) continue;
    return { library: name, token: name === library ? await tokenOf(citation, name, about) : null };
  }
  return null;
}

async function tokenOf(citation: Citation, name: string, about: DocumentSlice): Promise<number | null> {
  const folder = await core.client
    .call('library.folder', { name, folder: '', filter: citation.path, limit: 50 })
    .catch(() => null);
  const entry = folder?.entries.find(({ path }) => path === citation.path);
  if (entry === undefined || entry.start === null || about.length === 0) return null;
  return entry.start + Math.round((entry.tokens * citation.start) / about.length);
}
