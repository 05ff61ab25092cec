import { expect, it } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import { duration, formatError, printable, size, table } from './output.ts';

it('text of documents cannot steer the terminal', () => {
  expect(printable('a\u001b[2Jb\u0007c\u202Ed\u009be\r\nf\tg')).toBe(
    'a\ufffd[2Jb\ufffdc\ufffdd\ufffde\nf\tg',
  );
  expect(formatError(new AppError('not-found', 'No \u001b]0;x', 'Try \u001b[31m'))).toBe(
    'error: No \ufffd]0;x\nhint: Try \ufffd[31m',
  );
});

it('every error says what happened and what to do', () => {
  expect(formatError(new Error('boom'))).toMatch(/^error: boom\nhint: ./);
});

it('sizes and durations', () => {
  expect([0, 999, 1000, 98_362_432, 1.2e12].map(size)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '98.4 MB',
    '1.2 TB',
  ]);
  expect([0.04, 9.96, 12.3, 59.9, 60, 3725].map(duration)).toEqual([
    '0.0 s',
    '10.0 s',
    '12 s',
    '60 s',
    '1:00',
    '1:02:05',
  ]);
});

it('tables align, numbers to the right', () => {
  expect(
    table(
      [
        ['a', '1'],
        ['long', '200'],
      ],
      [1],
    ),
  ).toEqual(['a       1', 'long  200']);
});
