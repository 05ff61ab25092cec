import { describe, expect, it } from 'vitest';
import { reportFile } from '../../../shared/library-report.ts';
import type { LibraryFile } from '../../../shared/model/index.ts';
import type { TreeRow } from '../../stores/tree.svelte.ts';
import { paragraphsOf } from './paragraphs.ts';
import { snippetParts } from './snippet.ts';
import { moveInTree, typedMatch } from './tree-keys.ts';

const file = (path: string, reason: string | null = null): LibraryFile => ({
  path,
  absolutePath: `/x/${path}`,
  outcome: reason === null ? 'read' : 'skipped',
  reason,
  bytes: 10,
  mtimeMs: 0,
  hash: null,
  tokens: 3,
  readAs: path,
});

describe('report', () => {
  it('quotes what CSV needs quoted, and defuses formulas in file names', () => {
    const { content } = reportFile('lib', [file('a,b".txt', 'binary, "no" text'), file('=cmd()')], 'csv');
    expect(content).toBe(
      '\ufeffpath,outcome,reason,bytes,tokens\r\n"a,b"".txt",skipped,"binary, ""no"" text",10,3\r\n\'=cmd(),read,,10,3\r\n',
    );
  });

  it('names the file after the library, whatever that is called', () => {
    expect(reportFile('../a:b', [], 'json').fileName).toBe('.._a_b.json');
    expect(JSON.parse(reportFile('x', [file('p')], 'json').content)).toMatchObject({
      library: 'x',
      files: [{ path: 'p' }],
    });
  });

  it('as Markdown, begins with what was not read, and no name is markup', () => {
    const { content, fileName } = reportFile('a_b', [file('p'), file('x|y\n<b>.txt', 'not text')], 'md');
    expect(fileName).toBe('a_b.md');
    expect(content).toContain('2 files: 1 read, 0 partly, 0 refused, 1 skipped');
    expect(content).toContain('| x\\|y \\<b\\>.txt | not text | 10 | 3 |');
    expect(content.indexOf('## skipped (1)')).toBeLessThan(content.indexOf('## read (1)'));
  });
});

describe('snippets', () => {
  it('come apart at the marks of the index, and stay text', () => {
    expect(snippetParts('a \u0001whale\u0002 <b>')).toEqual([
      { text: 'a ', hit: false },
      { text: 'whale', hit: true },
      { text: ' <b>', hit: false },
    ]);
    expect(snippetParts('')).toEqual([]);
  });
});

describe('paragraphs', () => {
  const lines = ['# One', '', 'first line', 'second line', '', 'last'];

  it('are cut at empty lines and headings, with offsets of the text', () => {
    const found = paragraphsOf({ from: 100, lines }, new Set([100]), null);
    expect(found.map(({ start, heading }) => [start, heading])).toEqual([
      [100, true],
      [107, false],
      [131, false],
    ]);
    expect(found[0]?.parts).toEqual([{ text: 'One', marked: false }]);
  });

  it('mark exactly the stretch, across lines and paragraphs', () => {
    const text = lines.join('\n');
    const start = text.indexOf('line\nsecond');
    const end = text.indexOf('last') + 2;
    const marked = paragraphsOf({ from: 0, lines }, new Set([0]), { start, end })
      .flatMap(({ parts }) => parts.filter((part) => part.marked))
      .map((part) => part.text);
    expect(marked).toEqual(['line\nsecond line', 'la']);
  });
});

describe('tree', () => {
  const row = (path: string, depth: number, kind: 'folder' | 'file' = 'file'): TreeRow =>
    ({ entry: { kind, path }, folder: '', index: 0, siblings: 1, depth }) as unknown as TreeRow;
  const rows = [row('src', 0, 'folder'), row('src/a.ts', 1), row('src/b.ts', 1), row('README.md', 0)];
  const open = (folder: string) => folder === 'src';

  it('opens, closes and leaves folders with Right and Left', () => {
    expect(moveInTree('ArrowRight', rows, 0, () => false)).toEqual({
      kind: 'toggle',
      folder: 'src',
      open: true,
    });
    expect(moveInTree('ArrowRight', rows, 0, open)).toEqual({ kind: 'go', index: 1 });
    expect(moveInTree('ArrowLeft', rows, 2, open)).toEqual({ kind: 'go', index: 0 });
    expect(moveInTree('ArrowLeft', rows, 0, open)).toEqual({ kind: 'toggle', folder: 'src', open: false });
    expect(moveInTree('ArrowLeft', rows, 3, open)).toBeNull();
    expect(moveInTree('End', rows, 0, open)).toEqual({ kind: 'go', index: 3 });
  });

  it('finds what was typed, going on from the row', () => {
    expect(typedMatch(rows, 0, 'b')).toBe(2);
    expect(typedMatch(rows, 2, 'r')).toBe(3);
    expect(typedMatch(rows, 1, 'zz')).toBe(1);
    expect(typedMatch([], 0, 'a')).toBe(0);
  });
});
