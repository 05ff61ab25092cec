import { describe, expect, it } from 'vitest';
import type { ContentHash, LibraryFile } from '../../shared/model/index.ts';
import type { ScanEntry } from '../ingest/index.ts';
import { countChanges, planVersion } from './version-plan.ts';

const hashOf = (text: string): ContentHash => text as ContentHash;

function entry(path: string, mtimeMs = 1, bytes = 10): ScanEntry {
  return { path, absolutePath: `/${path}`, bytes, mtimeMs, kind: 'text', outcome: null, reason: null };
}

function file(path: string, hash: string, mtimeMs = 1): LibraryFile {
  return {
    path,
    absolutePath: `/${path}`,
    outcome: 'read',
    reason: null,
    bytes: 10,
    mtimeMs,
    hash: hashOf(hash),
    tokens: 3,
    readAs: path,
  };
}

async function plan(
  found: readonly ScanEntry[],
  before: readonly LibraryFile[],
  contents: Readonly<Record<string, string>>,
  verify = false,
): Promise<{ names: string[]; changes: string[]; hashed: string[]; removed: string[] }> {
  const hashed: string[] = [];
  const result = await planVersion(found, before, {
    verify,
    hash: ({ absolutePath }) => {
      hashed.push(absolutePath);
      return Promise.resolve(hashOf(contents[absolutePath] ?? '?'));
    },
  });
  return {
    names: result.files.map((one) => one.entry.path),
    changes: result.files.map((one) => one.change),
    hashed,
    removed: result.removed.map((one) => one.path),
  };
}

describe('planVersion', () => {
  const before = [file('b', 'B'), file('a', 'A')];

  it('does not open a file of the same size and time', async () => {
    const { changes, hashed, names } = await plan([entry('a'), entry('b')], before, {});
    expect(hashed).toEqual([]);
    expect(changes).toEqual(['unchanged', 'unchanged']);
    expect(names).toEqual(['b', 'a']);
  });

  it('hashes a touched file, and all when asked to', async () => {
    const contents = { '/a': 'A', '/b': 'B' };
    expect(await plan([entry('a', 2), entry('b')], before, contents)).toMatchObject({
      hashed: ['/a'],
      changes: ['unchanged', 'unchanged'],
    });
    expect((await plan([entry('a'), entry('b')], before, contents, true)).hashed).toEqual(['/a', '/b']);
  });

  it('keeps the place of a changed file and appends new ones', async () => {
    const found = [entry('0'), entry('a'), entry('b', 2)];
    expect(await plan(found, before, { '/b': 'B2' })).toMatchObject({
      names: ['b', 'a', '0'],
      changes: ['changed', 'unchanged', 'added'],
    });
  });

  it('knows a renamed file by its content', async () => {
    const found = [entry('a'), entry('z')];
    expect(await plan(found, before, { '/z': 'B' })).toMatchObject({
      names: ['z', 'a'],
      changes: ['renamed', 'unchanged'],
      removed: [],
    });
  });

  it('takes two new copies of one missing file for one rename and one new file', async () => {
    const found = [entry('a'), entry('y'), entry('z')];
    expect(await plan(found, before, { '/y': 'B', '/z': 'B' })).toMatchObject({
      changes: ['renamed', 'unchanged', 'added'],
    });
  });

  it('names what is gone', async () => {
    const result = await planVersion([entry('a')], before, {
      verify: false,
      hash: () => Promise.reject(new Error()),
    });
    expect(countChanges(result)).toEqual({ unchanged: 1, changed: 0, renamed: 0, added: 0, removed: 1 });
    expect(result.removed.map((one) => one.path)).toEqual(['b']);
  });

  it('hashes nothing when everything is new', async () => {
    expect((await plan([entry('a'), entry('b')], [], {})).hashed).toEqual([]);
  });
});
