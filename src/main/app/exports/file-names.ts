/** Names of exported files: safe on every file system, and each there once. */
import { oneLine, titleOf, type ConversationTree } from './tree.ts';

const longest = 80;
/** Windows keeps these for devices, whatever their ending */
const devices = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])$/i;

/** Title without reserved characters, and the day on which the conversation began. */
export function exportFileName(tree: ConversationTree, extension: string): string {
  return `${stemOf(tree)}.${extension}`;
}

/** One name for each, in their order; equal ones are numbered. File systems may not tell upper from lower case. */
export function exportFileNames(trees: readonly ConversationTree[], extension: string): string[] {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return trees.map((tree) => {
    const stem = stemOf(tree);
    const key = stem.toLowerCase();
    let number = counts.get(key) ?? 1;
    let name = number === 1 ? stem : `${stem} (${String(number)})`;
    while (taken.has(name.toLowerCase())) name = `${stem} (${String(++number)})`;
    counts.set(key, number + 1);
    taken.add(name.toLowerCase());
    return `${name}.${extension}`;
  });
}

function stemOf(tree: ConversationTree): string {
  const day = /^\d{4}-\d{2}-\d{2}/.exec(tree.conversation.createdAt)?.[0];
  return [safeName(titleOf(tree)), day].filter((part) => part !== undefined).join(' ');
}

function safeName(title: string): string {
  const plain = title
    .toWellFormed()
    .normalize('NFC')
    .replace(/[<>:"/\\|?*\uFFFD]/g, ' ');
  const name = Array.from(oneLine(plain)).slice(0, longest).join('');
  const trimmed = name.replace(/^[. ~-]+|[. ]+$/g, '');
  if (trimmed === '') return 'Conversation';
  return devices.test(trimmed) ? `${trimmed}_` : trimmed;
}
