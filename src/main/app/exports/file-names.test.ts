import { describe, expect, it } from 'vitest';
import { exportFileName, exportFileNames } from './file-names.ts';
import { thread } from './tree.fixture.ts';

const nameOf = (title: string): string => exportFileName(thread(['Q'], title), 'md');
const day = ' 2026-01-02.md';

describe('file names', () => {
  it.each([
    ['What ship: "A/B"?', 'What ship A B'],
    ['/..', 'Conversation'],
    ['', 'Conversation'],
    ['..\\..\\evil', 'evil'],
    ['.hidden', 'hidden'],
    ['--help', 'help'],
    ['con', 'con_'],
    ['LPT1', 'LPT1_'],
    ['a\u0000b\nc\u202Ed', 'a b cd'],
    ['船の話', '船の話'],
    ['e\u0301', 'é'],
    ['x. . .', 'x'],
    ['\ud800', 'Conversation'],
    ['🚀'.repeat(200), '🚀'.repeat(80)],
  ])('%j -> %j', (title, name) => expect(nameOf(title)).toBe(`${name}${day}`));

  it('gives each a name of its own, whatever the case', () => {
    const titles = ['Ship', 'ship', 'Ship', 'Ship 2026-01-02 (2)', 'Other'];
    const names = exportFileNames(
      titles.map((title) => thread(['Q'], title)),
      'md',
    );
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(titles.length);
    expect(names[0]).toBe('Ship 2026-01-02.md');
    expect(names[1]).toBe('ship 2026-01-02 (2).md');
    expect(names[4]).toBe('Other 2026-01-02.md');
  });

  it('is quick with many of one name', () => {
    const trees = Array.from({ length: 20_000 }, () => thread(['Q'], 'New chat'));
    expect(new Set(exportFileNames(trees, 'md')).size).toBe(20_000);
  });
});
