/** The rows of the sidebar: pinned first, then folders with what is in them, then the rest, the latest first. */
import type { Conversation, Folder, FolderId } from '../../shared/model/index.ts';
import type { ConversationSummary } from '../../shared/rpc/index.ts';

export type SidebarRow =
  | {
      readonly kind: 'folder';
      readonly key: string;
      readonly folder: Folder;
      readonly count: number;
      readonly open: boolean;
    }
  | {
      readonly kind: 'conversation';
      readonly key: string;
      readonly conversation: Conversation;
      readonly inFolder: boolean;
    };

/** @param closed folders whose conversations are not shown */
export function sidebarRows(
  list: readonly ConversationSummary[],
  folders: readonly Folder[],
  closed: ReadonlySet<FolderId>,
): SidebarRow[] {
  const all = list.map(({ conversation }) => conversation).toSorted(latestFirst);
  const known = new Set(folders.map(({ id }) => id));
  const pinned = all.filter((one) => one.pinned);
  const inFolders = Map.groupBy(
    all.filter((one) => !one.pinned),
    ({ folderId }) => (folderId !== null && known.has(folderId) ? folderId : null),
  );
  const rows = (some: readonly Conversation[], inFolder: boolean) =>
    some.map((conversation): SidebarRow => ({
      kind: 'conversation',
      key: conversation.id,
      conversation,
      inFolder,
    }));
  return [
    ...rows(pinned, false),
    ...folders
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .flatMap((folder): SidebarRow[] => {
        const inside = inFolders.get(folder.id) ?? [];
        const open = !closed.has(folder.id);
        return [
          { kind: 'folder', key: folder.id, folder, count: inside.length, open },
          ...(open ? rows(inside, true) : []),
        ];
      }),
    ...rows(inFolders.get(null) ?? [], false),
  ];
}

function latestFirst(a: Conversation, b: Conversation): number {
  if (a.updatedAt !== b.updatedAt) return a.updatedAt < b.updatedAt ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}
