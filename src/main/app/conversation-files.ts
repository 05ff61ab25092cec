/** Conversations as files, and files as conversations. */
import type { Handlers } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { AppEvents } from './events.ts';
import type { AppSettings } from './settings.ts';

export interface ConversationFilesConfig {
  readonly store: Store;
  readonly events: AppEvents;
  /** says what is left out of an export where the call does not */
  readonly settings: AppSettings;
}

/** Renderers and readers are loaded when they are first used: no question waits for them. */
export function conversationFileHandlers({
  store,
  events,
  settings,
}: ConversationFilesConfig): Pick<Handlers, 'conversations.export' | 'conversations.import'> {
  return {
    'conversations.export': async (args) => {
      const { exportConversations } = await import('./exports/index.ts');
      return exportConversations(store, {
        ...args,
        redact: args.redact ?? (isForOthers(args.format) && settings.current['export.redact']),
      });
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

/** Formats to show to others; Markdown and JSON are for the user's own tools, and JSON imports back whole. */
function isForOthers(format: 'md' | 'html' | 'pdf' | 'json'): boolean {
  return format === 'html' || format === 'pdf';
}
