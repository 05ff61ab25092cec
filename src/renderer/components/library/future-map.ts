/** The map of a library that is not read yet, from its preview: what it will be, in reading order. */
import type { ContextMap, LibraryPreview, MapDocument } from '../../../shared/rpc/index.ts';

export function futureMap(preview: LibraryPreview): ContextMap {
  let start = 0;
  const documents = preview.groups.map(({ path, tokens }): MapDocument => {
    const document = { path, start, tokens, state: 'unread' as const };
    start += tokens;
    return document;
  });
  return {
    library: preview.library,
    tokens: Math.max(start, preview.tokens),
    read: preview.read?.fromCheckpoint ?? 0,
    changedFrom: null,
    documents,
    checkpoints: [],
    plan: { name: '', alignment: 'sliding', sinks: 0, regions: [] },
  };
}
