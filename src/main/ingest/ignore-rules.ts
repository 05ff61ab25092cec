/**
 * .gitignore, .ignore and .git/info/exclude, nested as git reads them (gitignore(5)): the deepest folder with an
 * opinion decides, within one folder .ignore before .gitignore before info/exclude, later lines before earlier.
 * What lies in an ignored folder can't be brought back; the scan does not descend into one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

import ignore, { type Ignore } from 'ignore';

interface Level {
  /** absolute folder that the rules belong to */
  readonly folder: string;
  /** by weight, strongest first */
  readonly files: readonly { readonly name: string; readonly rules: Ignore }[];
}

/** as git sets core.ignoreCase */
const ignorecase = process.platform !== 'linux';
const maxRuleBytes = 1 << 20;

export class IgnoreRules {
  /** outermost first */
  readonly #levels: readonly Level[];

  private constructor(levels: readonly Level[]) {
    this.#levels = levels;
  }

  /**
   * The rules that hold inside a root: its own, and those of the folders above it up to the repository's top; unless
   * these ignore the root itself: what was chosen by the user is read.
   */
  static forRoot(root: string): IgnoreRules {
    const above: Level[] = [];
    let folder = root;
    while (!isRepositoryTop(folder) && dirname(folder) !== folder) {
      folder = dirname(folder);
      above.unshift(readLevel(folder));
    }
    const own = readLevel(root);
    const outside = new IgnoreRules(isRepositoryTop(folder) && folder !== root ? above : []);
    let ignored = false;
    for (let at = root; at !== folder && at.startsWith(folder); at = dirname(at))
      if (outside.reason(at, true) !== null) ignored = true;
    return new IgnoreRules(
      [...(ignored ? [] : outside.#levels), own].filter((level) => level.files.length > 0),
    );
  }

  /** the rules inside a folder below */
  descend(folder: string): IgnoreRules {
    const level = readLevel(folder);
    return level.files.length === 0 ? this : new IgnoreRules([...this.#levels, level]);
  }

  /** 'ignored by .gitignore', or null */
  reason(path: string, isFolder: boolean): string | null {
    for (const level of this.#levels.toReversed())
      for (const { name, rules } of level.files) {
        const verdict = test(rules, level.folder, path, isFolder);
        if (verdict === 'ignored') return `ignored by ${name}`;
        if (verdict === 'wanted') return null;
      }
    return null;
  }
}

function test(rules: Ignore, folder: string, path: string, isFolder: boolean): 'ignored' | 'wanted' | null {
  const relative = path.slice(folder.endsWith(sep) ? folder.length : folder.length + 1).replaceAll(sep, '/');
  if (!ignore.isPathValid(relative)) return null;
  const above = dirname(relative);
  const effective = above !== '.' && rules.test(`${above}/`).ignored ? bringBack(rules, above) : rules;
  const result = effective.test(isFolder ? `${relative}/` : relative);
  if (result.ignored) return 'ignored';
  return result.unignored ? 'wanted' : null;
}

/**
 * The rules for what is inside `folder`, which they ignore and a deeper file has brought back (else the scan would
 * not be there): only patterns that match a path itself count then, not those that match a folder above it.
 */
function bringBack(rules: Ignore, folder: string): Ignore {
  const parts = folder.split('/').map((part) => part.replace(/[\\*?[\]\s]/g, '\\$&'));
  const folders = parts.map((_, index) => `!/${parts.slice(0, index + 1).join('/')}/`);
  return ignore({ ignorecase }).add(rules).add(folders);
}

function isRepositoryTop(folder: string): boolean {
  return existsSync(join(folder, '.git')); // a folder; a file in worktrees and submodules
}

function readLevel(folder: string): Level {
  const files: Level['files'][number][] = [];
  for (const name of ['.ignore', '.gitignore', '.git/info/exclude']) {
    const text = readRules(join(folder, ...name.split('/')));
    if (text !== null && text.trim() !== '') files.push({ name, rules: ignore({ ignorecase }).add(text) });
  }
  return { folder, files };
}

function readRules(file: string): string | null {
  try {
    const bytes = readFileSync(file);
    return bytes.length > maxRuleBytes ? null : bytes.toString('utf8').replace(/^\ufeff/, '');
  } catch {
    return null; // none there, a folder, or not readable: the scan reports what it can't read itself
  }
}
