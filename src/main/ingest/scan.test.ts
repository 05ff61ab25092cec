import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { compareCodePoints, scan } from './scan.ts';
import type { ScanEntry } from './types.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-scan-'));
});
afterEach(async () => {
  await chmod(folder, 0o755);
  await rm(folder, { recursive: true, force: true });
});

async function put(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

async function scanned(roots: string | string[] = folder, maxFileBytes = 1 << 20): Promise<ScanEntry[]> {
  const entries: ScanEntry[] = [];
  for await (const entry of scan([roots].flat(), { maxFileBytes })) entries.push(entry);
  return entries;
}

/** path below the root -> reason, or 'read' */
async function outcomes(root = folder): Promise<Record<string, string>> {
  const entries = await scanned(root);
  return Object.fromEntries(
    entries.map((entry) => [entry.path.slice(entry.path.indexOf('/') + 1), entry.reason ?? 'read']),
  );
}

describe('what is left out is listed with its reason', () => {
  it('roots that are not there, empty files, too large files', async () => {
    await put({ 'empty.txt': '', 'large.txt': 'x'.repeat(2000), 'ok.txt': 'ok' });
    const entries = await scanned([join(folder, 'nothing'), folder], 1000);
    expect(entries[0]).toMatchObject({ path: 'nothing', outcome: 'refused' });
    expect(entries[0]?.reason).toMatch(/not there.*Check the path/);
    expect(entries.slice(1).map(({ outcome, bytes }) => [outcome, bytes])).toEqual([
      ['skipped', 0],
      ['skipped', 2000],
      [null, 2],
    ]);
    expect(entries[2]?.reason).toMatch(/larger than the limit .*can be raised in the settings/);
  });

  it('binaries, lock files, secrets, generated files', async () => {
    await put({
      'a.png': Buffer.from('89504e470d0a1a0a', 'hex'),
      'noise.txt': Buffer.from([1, 2, 3, 0, 5, 6]),
      'film.ts': Buffer.concat([Buffer.from('G'), Buffer.alloc(187), Buffer.from('G')]),
      'book.doc': Buffer.from('d0cf11e0a1b11ae1', 'hex'),
      'package-lock.json': '{}',
      '.env': 'KEY=1',
      '.env.local': 'KEY=1',
      '.env.example': 'KEY=',
      'server.key': 'k',
      'notes.txt': '-----BEGIN RSA PRIVATE KEY-----\nabc',
      'app.min.js': 'x',
      'app.js.map': '{}',
      'app.js': 'x',
    });
    const found = await outcomes();
    expect(Object.keys(found).filter((path) => found[path] === 'read')).toEqual(['.env.example', 'app.js']);
    expect(found['.env']).toMatch(/secrets/);
    expect(found['notes.txt']).toMatch(/private key/);
    expect(found['a.png']).toMatch(/PNG/);
    expect(found['film.ts']).toMatch(/binary/);
    expect(found['book.doc']).toMatch(/old Word document/);
  });

  it('books and documents are what their first bytes say, whatever their name', async () => {
    const packed = (first: string, rest = ''): Buffer =>
      Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(26), Buffer.from(`${first}\x01\x02${rest}`)]);
    const documents: Readonly<Record<string, Buffer>> = {
      'book.zip': Buffer.from(epubHead),
      'odt.zip': packed('mimetypeapplication/vnd.oasis.opendocument.text'),
      'a.doc': packed('[Content_Types].xml', 'PK word/document.xml'),
      'b.txt': packed('_rels/.rels', 'PK ppt/presentation.xml'),
      c: packed('xl/workbook.xml'),
      'd.doc': Buffer.from('{\\rtf1 a}'),
      'e.doc': Buffer.from('plain words'),
    };
    await put({ ...documents, 'f.txt': packed('holds-word/document.xml'), 'g.ppt': Buffer.alloc(9) });
    const found = await scanned();
    expect(found.flatMap(({ path, kind }) => (kind === null ? [] : [[path.split('/')[1], kind]]))).toEqual([
      ['a.doc', 'docx'],
      ['b.txt', 'pptx'],
      ['book.zip', 'epub'],
      ['c', 'xlsx'],
      ['d.doc', 'rtf'],
      ['e.doc', 'text'],
      ['odt.zip', 'odf'],
    ]);
    expect(await outcomes()).toMatchObject({
      'f.txt': 'not text: zip archive',
      'g.ppt': 'not text: old presentation (save it as .pptx to read it)',
    });
  });

  it('a file that is handed over by itself is read, whatever its name', async () => {
    await put({ '.env': 'KEY=1', 'yarn.lock': 'a', '.gitignore': '*' });
    expect(
      (await scanned([join(folder, '.env'), join(folder, 'yarn.lock')])).map(({ path, outcome }) => [
        path,
        outcome,
      ]),
    ).toEqual([
      ['.env', null],
      ['yarn.lock', null],
    ]);
  });

  it('installed packages are one entry with their bytes, and are read when they are the root', async () => {
    await put({
      'node_modules/p/index.js': '12345',
      'node_modules/p/README.md': '123',
      'src/a.js': 'a',
      '.gitignore': 'node_modules\n',
    });
    const entries = await scanned();
    const modules = entries.find((entry) => entry.path.endsWith('/node_modules/'));
    expect(modules).toMatchObject({ outcome: 'skipped', bytes: 8 });
    expect(modules?.reason).toMatch(/installed packages.*2 files/);
    await put({ '.git/HEAD': 'ref: refs/heads/main\n' });
    expect(await outcomes(join(folder, 'node_modules', 'p'))).toEqual({
      'README.md': 'read',
      'index.js': 'read',
    });
  });

  it('links are listed and never followed; loops end', async () => {
    await put({ 'a/file.txt': 'text' });
    await symlink('..', join(folder, 'a', 'loop'));
    await symlink('/etc', join(folder, 'etc'));
    await symlink('file.txt', join(folder, 'a', 'same.txt'));
    await symlink('nowhere', join(folder, 'broken'));
    const found = await outcomes();
    expect(found['a/file.txt']).toBe('read');
    expect(Object.values(found).filter((reason) => reason.startsWith('link to'))).toHaveLength(4);
    expect(Object.keys(found)).toHaveLength(5);
    expect(await outcomes(join(folder, 'a', 'loop', 'a'))).toMatchObject({ 'file.txt': 'read' });
  });

  it.skipIf(process.platform === 'win32')(
    'sockets, pipes and devices are skipped (not on Windows)',
    async () => {
      const server = createServer().listen(join(folder, 'socket'));
      await once(server, 'listening');
      const found = await outcomes();
      server.close();
      expect(found['socket']).toMatch(/not a regular file/);
      expect((await scanned('/dev/null'))[0]?.reason).toMatch(/not a regular file/);
    },
  );

  it.skipIf(process.platform === 'win32')(
    'what may not be read is refused with the remedy (not on Windows)',
    async () => {
      await put({ 'secret/a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
      await chmod(folder, 0o755);
      await chmod(join(folder, 'secret'), 0);
      await chmod(join(folder, 'b.txt'), 0);
      const isRoot = process.geteuid?.() === 0;
      if (isRoot) process.seteuid?.(65534);
      let found: Record<string, string>;
      let locked: ScanEntry | undefined;
      try {
        found = await outcomes();
        locked = (await scanned()).find(({ path }) => path.endsWith('b.txt'));
      } finally {
        if (isRoot) process.seteuid?.(0);
        await chmod(join(folder, 'secret'), 0o755);
      }
      expect(found['secret/']).toMatch(/No permission.*Allow/);
      expect(found['b.txt']).toMatch(/No permission.*Allow/);
      expect(found['c.txt']).toBe('read');
      // allowed to be read it has the same time as now, and must not be taken for what was refused
      expect(locked).toMatchObject({ bytes: 1, mtimeMs: 0 });
    },
  );
});

describe('order, names and roots', () => {
  it('folders first, by code points, equal every time', async () => {
    const names = [
      'b.txt',
      'a.txt',
      'B.txt',
      'é.txt',
      '😀.txt',
      '\uff01.txt',
      'z/1.txt',
      'a/2.txt',
      'a/b/3.txt',
    ];
    await put(Object.fromEntries(names.map((path) => [path, 'x'])));
    const expected = [
      'a/b/3.txt',
      'a/2.txt',
      'z/1.txt',
      'B.txt',
      'a.txt',
      'b.txt',
      'é.txt',
      '\uff01.txt',
      '😀.txt',
    ];
    expect(Object.keys(await outcomes())).toEqual(expected);
    expect(['😀', '\uff01', 'a'].sort(compareCodePoints)).toEqual(['a', '\uff01', '😀']);
  });

  it('a single file; two roots of one name; overlapping roots; kinds and times', async () => {
    await put({
      'one/src/a.ts': 'a',
      'two/src/b.md': 'b',
      'one/book.EPUB': 'PK',
      'one/renamed.bin': epubHead,
    });
    await utimes(join(folder, 'one/src/a.ts'), 1000, 1234.5);
    const roots = ['one/src/a.ts', 'one/src', 'two/src', 'one'].map((path) => join(folder, path));
    expect((await scanned(roots)).map(({ path, kind, bytes }) => [path, kind, bytes])).toEqual([
      ['a.ts', 'code', 1],
      ['src (2)/b.md', 'markdown', 1],
      ['one/book.EPUB', 'epub', 2],
      ['one/renamed.bin', 'epub', 58],
    ]);
    expect((await scanned(roots[0]))[0]?.mtimeMs).toBe(1_234_500);
  });

  it('stops at the signal', async () => {
    await put({ 'a.txt': 'a' });
    const entries = scan([folder], { maxFileBytes: 100, signal: AbortSignal.abort() });
    await expect(entries.next()).rejects.toThrow(/abort/);
  });
});

const epubHead = `PK\x03\x04${'\0'.repeat(26)}mimetypeapplication/epub+zip`;

describe('.gitignore as git reads it', () => {
  it('nested, negated, with .ignore and info/exclude', async () => {
    await put({
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/info/exclude': 'private.txt\nkept.md\n',
      '.gitignore': '*.log\n/build/\n!important.log\ndeep/*\n!deep/keep/\n',
      '.ignore': '!kept.md\n*.csv\n',
      'a.log': '1',
      'important.log': '1',
      'private.txt': '1',
      'kept.md': '1',
      'data.csv': '1',
      'build/x.txt': '1',
      'src/build/x.txt': '1',
      'src/.gitignore': '!debug.log\nonly-here.txt\n',
      'src/debug.log': '1',
      'src/other.log': '1',
      'src/only-here.txt': '1',
      'only-here.txt': '1',
      'deep/gone/a.txt': '1',
      'deep/keep/a.txt': '1',
      'deep/keep/b.log': '1',
    });
    const found = await outcomes();
    const read = Object.keys(found).filter((path) => found[path] === 'read' && !path.endsWith('ignore'));
    expect(read.sort()).toEqual(
      [
        'deep/keep/a.txt',
        'important.log',
        'kept.md',
        'only-here.txt',
        'src/build/x.txt',
        'src/debug.log',
      ].sort(),
    );
    expect(found['build/']).toBe('ignored by .gitignore: 1 files');
    expect(found['private.txt']).toBe('ignored by .git/info/exclude');
    expect(found['data.csv']).toBe('ignored by .ignore');
    // a folder inside the repository obeys the rules above it
    expect(await outcomes(join(folder, 'deep'))).toMatchObject({ 'keep/b.log': 'ignored by .gitignore' });
  });

  const hasGit = ((): boolean => {
    try {
      execFileSync('git', ['--version']);
      return true;
    } catch {
      return false;
    }
  })();

  it.skipIf(!hasGit)('agrees with `git ls-files` on 50 random trees (skipped without git)', async () => {
    let seed = 7;
    const pick = <T>(list: readonly T[]): T => {
      // mulberry32
      seed = (seed + 0x6d2b79f5) | 0;
      let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
      const found = list[((bits ^ (bits >>> 14)) >>> 0) % list.length];
      if (found === undefined) throw new Error('empty list');
      return found;
    };
    const names = ['a', 'b', 'c.txt', 'd.log', 'build', 'x y', 'A'];
    const patterns = [
      'a',
      'b/',
      '*.log',
      '!d.log',
      '/a',
      '!a/',
      '**/b',
      'a/**',
      'build/',
      '!build/',
      'c.*',
      '[ab]',
      '/*/c.txt',
      'x\\ y',
      '!/b',
      'a/b',
      '# c',
      '*',
      '!*/',
      '!*.txt',
    ];
    for (let tree = 0; tree < 50; tree++) {
      const root = join(folder, String(tree));
      await mkdir(root);
      execFileSync('git', ['init', '-q', root]);
      for (let file = 0; file < 14; file++) {
        const path = Array.from({ length: 1 + (file % 4) }, () => pick(names)).join('/');
        await put({ [`${String(tree)}/${path}`]: '1' }).catch(() => undefined);
      }
      const written: Record<string, string> = {};
      for (const place of ['', 'a/', 'a/b/', 'build/'])
        if (tree % 3 !== 0 || place === '') {
          const rules = Array.from({ length: 1 + (tree % 4) }, () => pick(patterns)).join('\n');
          written[place] = rules;
          await put({ [`${String(tree)}/${place}.gitignore`]: rules }).catch(() => undefined);
        }
      const listed = execFileSync(
        'git',
        ['-C', root, '-c', 'core.excludesFile=', 'ls-files', '-z', '--others', '--exclude-standard'],
        { encoding: 'utf8' },
      );
      const found = await outcomes(root);
      const read = Object.keys(found).filter((path) => found[path] === 'read');
      expect(read.sort(), JSON.stringify(written)).toEqual(
        listed
          .split('\0')
          .filter((path) => path !== '')
          .sort(),
      );
    }
  });
});
