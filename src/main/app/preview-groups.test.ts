import { describe, expect, it } from 'vitest';
import { groupsOf } from './preview-groups.ts';

const files = (...paths: readonly string[]) => paths.map((path) => ({ path, files: 1, tokens: 10 }));

describe('groups of a preview', () => {
  it('go down while there are few, and keep the reading order', () => {
    const groups = groupsOf(
      files('h/src/a.ts', 'h/src/b.ts', 'h/docs/x.md', 'h/src/c.ts', 'h/test/t.ts', 'h/README.md'),
    );
    expect(groups.map(({ path, files: count }) => [path, count])).toEqual([
      ['h/src', 2],
      ['h/docs', 1],
      ['h/src', 1],
      ['h/test', 1],
      ['h/README.md', 1],
    ]);
  });

  it('keep every file and token, however many there are', () => {
    const many = Array.from({ length: 50_000 }, (_, i) => ({ path: `f${i}`, files: 1, tokens: 2 }));
    const groups = groupsOf(many);
    expect(groups).toHaveLength(200);
    expect(groups.reduce((sum, one) => sum + one.files, 0)).toBe(50_000);
    expect(groups.reduce((sum, one) => sum + one.tokens, 0)).toBe(100_000);
  });

  it('leave single files as they are', () => {
    expect(groupsOf(files('moby-dick.epub'))).toEqual(files('moby-dick.epub'));
    expect(groupsOf([])).toEqual([]);
  });
});
