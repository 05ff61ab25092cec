/** docs/pains.md names tests as proof: each of them is there, so that the page can't outlive what it claims. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const rows = readFileSync(join(root, 'docs/pains.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, number] = /^\| (\d+) \|/.exec(line) ?? [];
    return number === undefined ? [] : [{ number: Number(number), line }];
  });

/** The text of a test file as it reads without its escapes. */
function sourceOf(file: string): string {
  const path = join(root, file);
  return existsSync(path) ? readFileSync(path, 'utf8').replaceAll(/\\(['"`])/g, '$1') : '';
}

describe('docs/pains.md', () => {
  it('has the 25 pains', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
  });

  it.each(rows)('$number: every test that it names exists', ({ line }) => {
    const proofs = [...line.matchAll(/`((?:src|e2e)\/[^`]+\.test\.ts)` “([^”]+)”/g)];
    expect(proofs.length).toBeGreaterThan(0);
    expect(proofs.length).toBe(line.split('“').length - 1);
    const missing = proofs.filter(([, file = '', title = '']) => !sourceOf(file).includes(title));
    expect(missing.map(([proof]) => proof)).toEqual([]);
  });
});
