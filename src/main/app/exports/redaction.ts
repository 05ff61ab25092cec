/**
 * Leaves out of an export what says whose machine it comes from: absolute paths below known folders become paths
 * within them, home folders disappear, and the user's name becomes "user". Word for word quotes change too: what is
 * left out is left out everywhere.
 */
import { homedir, userInfo } from 'node:os';
import type { ConversationTree } from './tree.ts';

export interface Secrets {
  /** absolute paths of folders: a path below one is shown from the folder's own name on */
  readonly folders: readonly string[];
  readonly homes: readonly string[];
  readonly users: readonly string[];
}

/** accounts that name nobody; leaving these words out would spoil texts and hide nothing */
const anonymous = new Set(
  'root user users admin administrator guest default public home ubuntu debian node test'.split(' '),
);
/** what identifiers, kinds and times are called: no words of people or models stand there */
const literal = new Set(
  'id conversationId parentId currentId libraryId folderId createdAt updatedAt deletedAt role status kind'.split(
    ' ',
  ),
);
const separator = String.raw`(?:[\\/]+)`;
/** the end of a path's part */
const endOfPart = String.raw`(?![\p{L}\p{N}_.-]*[\p{L}\p{N}_-])`;
/** any home folder, of this machine or another: /home/NAME, /Users/NAME, C:\Users\NAME, /mnt/c/Users/NAME */
const anyHome = new RegExp(
  String.raw`(?<![\p{L}\p{N}_.-])(?:file:[\\/]+)?(?:${separator}home|${separator}Users|[A-Za-z]:${separator}[Uu]sers|${separator}mnt${separator}[a-z]${separator}Users)${separator}[^\s\\/:*?"'<>|,;()[\]{}\x60]+(?<below>${separator})?`,
  'gu',
);

/** of this process: its user, home and the folders given */
export function ownSecrets(folders: readonly string[]): Secrets {
  const home = homedir();
  const name = userName();
  const last = home.split(/[\\/]+/).at(-1) ?? '';
  return { folders, homes: [home], users: [name, last] };
}

export function redactor(secrets: Secrets): (text: string) => string {
  const folders = secrets.folders.filter((folder) => partsOf(folder).length > 0);
  const steps: ((text: string) => string)[] = [
    ...longestFirst(folders).map((folder) => {
      const pattern = pathPattern(folder);
      const own = partsOf(folder).at(-1) ?? '';
      return (text: string) => text.replace(pattern, (_, below: string | undefined) => own + (below ?? ''));
    }),
    ...longestFirst(secrets.homes).map((home) => {
      const pattern = pathPattern(home);
      return (text: string) =>
        text.replace(pattern, (_, below: string | undefined) => (below === undefined ? 'home' : ''));
    }),
    (text) =>
      text.replace(anyHome, (...found) => {
        const groups = found.at(-1) as { below?: string };
        return groups.below === undefined ? 'home' : '';
      }),
    ...userPatterns(secrets.users).map((pattern) => (text: string) => text.replace(pattern, 'user')),
  ];
  return (text) => steps.reduce((now, step) => step(now), text);
}

/** The same tree with every string that people, models or files wrote redacted. */
export function redactTree(tree: ConversationTree, redact: (text: string) => string): ConversationTree {
  return redactDeep(tree, redact) as ConversationTree;
}

function redactDeep(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redact));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, literal.has(key) ? item : redactDeep(item, redact)]),
  );
}

/** a path with either separator, once or doubled as in a JSON string; Windows does not tell cases apart */
function pathPattern(path: string): RegExp {
  const parts = partsOf(path);
  const drive = /^[a-z]:$/i.test(parts[0] ?? '');
  const start = drive ? String.raw`(?<![\p{L}\p{N}])` : String.raw`(?<![\p{L}\p{N}_.-])${separator}`;
  return new RegExp(
    `(?:file:${drive ? separator : ''})?${start}${parts.map(escape).join(separator)}(?:(${separator})|${endOfPart})`,
    drive ? 'giu' : 'gu',
  );
}

function partsOf(path: string): string[] {
  return path.split(/[\\/]+/).filter((part) => part !== '');
}

function longestFirst(paths: readonly string[]): string[] {
  const given = paths.filter((path) => partsOf(path).length > 0);
  return [...new Set(given)].sort((a, b) => b.length - a.length);
}

function userPatterns(users: readonly string[]): RegExp[] {
  const named = users.filter((user) => user.length >= 2 && !anonymous.has(user.toLowerCase()));
  return longestFirst(named).map(
    (user) => new RegExp(String.raw`(?<![\p{L}\p{N}])${escape(user)}(?![\p{L}\p{N}])`, 'giu'),
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // a process may run under a number that has no name
    return '';
  }
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
