import { expect, it } from 'vitest';
import { createProgress } from './progress.ts';

function target(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 100, write: (text: string) => written.push(text) };
}

it('in a terminal: one line that is rewritten, with total, rate and time left, and that goes away', () => {
  let now = 0;
  const terminal = target(true);
  const progress = createProgress(terminal, () => now);
  progress.update('Reading', 1000, 11_000, 'tokens');
  now = 2000;
  progress.update('Reading', 3000, 11_000, 'tokens');
  now = 2050; // too soon to draw again
  progress.update('Reading', 3050, 11_000, 'tokens');
  progress.clear();
  expect(terminal.written).toEqual([
    '\r\u001b[KReading  [##······················] 9 %  1,000 of 11,000 tokens',
    '\r\u001b[KReading  [#######·················] 27 %  3,000 of 11,000 tokens  1,000/s  8.0 s left',
    '\r\u001b[K',
  ]);
});

it('in a log: plain lines every few seconds, none for quick work', () => {
  let now = 0;
  const log = target(false);
  const progress = createProgress(log, () => now);
  for (; now <= 10_000; now += 500) progress.update('Reading', now, 20_000, 'tokens');
  progress.update('Indexing', 1, 1, 'files');
  progress.clear();
  expect(log.written).toEqual([
    'Reading  [######··················] 25 %  5,000 of 20,000 tokens  1,000/s  15 s left\n',
    'Reading  [############············] 50 %  10,000 of 20,000 tokens  1,000/s  10 s left\n',
  ]);
});

it('without a total it says how much was done', () => {
  const terminal = target(true);
  createProgress(terminal, () => 0).update('Checking', 98_362_432, 0, 'bytes');
  expect(terminal.written).toEqual(['\r\u001b[KChecking  98.4 MB']);
});
