/** Conversations as files, and files as conversations. */
import type { Handlers } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { AppEvents } from './events.ts';

export interface ConversationFilesConfig {
  readonly store: Store;
  readonly events: AppEvents;
}

/** Renderers and readers are loaded when they are first used: no question waits for them. */
export function conversationFileHandlers({
  store,
  events,
}: ConversationFilesConfig): Pick<Handlers, 'conversations.export' | 'conversations.import'> {
  return {
    'conversations.export': async (args) => {
      const { exportConversations } = await import('./exports/index.ts');
      return exportConversations(store, args);
    },
    'conversations.import': async ({ file }) => {
      const { importConversations } = await import('./imports/index.ts');
      try {
        return await importConversations(store, file);
      } finally {
        // also after an error: what was saved before it is there
        events.emit({ kind: 'conversations' });
      }
    },
  };
}
