/**
 * Longleaf's own file: everything there is about conversations, in a versioned schema. What was exported imports back
 * equal. Version 1 (one conversation, before there were folders) is still read.
 */
import type { Folder } from '../../../shared/model/index.ts';
import type { ConversationTree } from './tree.ts';

export const jsonFormat = 'longleaf-conversations';
export const jsonVersion = 2;

export interface ConversationsFile {
  readonly format: typeof jsonFormat;
  readonly version: typeof jsonVersion;
  readonly exportedAt: string;
  /** those that the conversations lie in */
  readonly folders: readonly Folder[];
  readonly conversations: readonly ConversationTree[];
}

export function exportJson(
  trees: readonly ConversationTree[],
  folders: readonly Folder[],
  exportedAt: string,
): string {
  const used = new Set(trees.map((tree) => tree.conversation.folderId));
  const file: ConversationsFile = {
    format: jsonFormat,
    version: jsonVersion,
    exportedAt,
    folders: folders.filter((folder) => used.has(folder.id)),
    conversations: trees,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
