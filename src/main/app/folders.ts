/** Folders of conversations. */
import type { Handlers } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { AppEvents } from './events.ts';

export function folderHandlers(
  store: Store,
  events: AppEvents,
): Pick<Handlers, 'folders.list' | 'folders.create' | 'folders.rename' | 'folders.remove'> {
  // The folders are part of the list of conversations: who shows the one shows the other.
  const changed = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    events.emit({ kind: 'conversations' });
    return result;
  };
  return {
    'folders.list': () => store.folders(),
    'folders.create': ({ name }) => changed(store.createFolder(name)),
    'folders.rename': ({ id, name }) => changed(store.renameFolder(id, name)),
    'folders.remove': async ({ id }) => {
      await changed(store.removeFolder(id));
      return { removed: true };
    },
  };
}
