/** What will be in a library, by folder and in reading order: what the preview lists and draws. */
import type { PreviewGroup } from '../../shared/rpc/index.ts';

/** groups that are still a list one reads */
const MOST_GROUPS = 200;
/** fewer than this, and the next folders down say more */
const FEW_GROUPS = 4;

/** Neighbours in one folder become one group: folders as deep as still makes few groups, single files alone. */
export function groupsOf(files: readonly PreviewGroup[]): readonly PreviewGroup[] {
  if (files.length <= FEW_GROUPS) return files;
  const deepest = files.reduce((depth, { path }) => Math.max(depth, path.split('/').length), 1);
  let groups = grouped(files, 1);
  for (let depth = 2; depth <= deepest && groups.length < FEW_GROUPS; depth++) {
    const finer = grouped(files, depth);
    if (finer.length > MOST_GROUPS) break;
    groups = finer;
  }
  if (groups.length <= MOST_GROUPS) return groups;
  const kept = groups.slice(0, MOST_GROUPS - 1);
  return [...kept, groups.slice(MOST_GROUPS - 1).reduce((all, one) => joined(all, { ...one, path: '…' }))];
}

function grouped(files: readonly PreviewGroup[], depth: number): PreviewGroup[] {
  const groups: PreviewGroup[] = [];
  for (const file of files) {
    const names = file.path.split('/');
    const path = names.length > depth ? names.slice(0, depth).join('/') : file.path;
    const last = groups.at(-1);
    if (last?.path === path) groups[groups.length - 1] = joined(last, file);
    else groups.push({ ...file, path });
  }
  return groups;
}

function joined(a: PreviewGroup, b: PreviewGroup): PreviewGroup {
  return { path: b.path === '…' ? '…' : a.path, files: a.files + b.files, tokens: a.tokens + b.tokens };
}
