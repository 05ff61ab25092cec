/** `state info NAME`: the state that a library has been read into. */
import { expectPositionals, usageError } from '../arguments.ts';
import type { Command } from '../context.ts';
import { count, plural, printable, size, table } from '../output.ts';

export const state: Command = {
  async run(args, { session, engine, json, output, interrupts }) {
    const [action = '', name = ''] = expectPositionals(args, ['info', 'NAME']);
    if (action !== 'info') throw usageError('state takes info NAME.');
    const report = await session.call('state.info', { ...engine, name }, interrupts.signal);
    if (json) return output.json(report);
    const unread = report.libraryTokens - report.tokens;
    const rows = [
      ['plan', report.plan],
      ['model', report.model],
      [
        'tokens',
        `${count(report.tokens)} of ${count(report.libraryTokens)}${unread > 0 ? ' (not finished)' : ''}`,
      ],
      ['bytes', size(report.bytes)],
      ['checksum', report.checksum],
      ['checkpoints', plural(report.checkpoints.length, 'checkpoint')],
    ];
    for (const line of table(rows.map((row) => row.map(printable)))) output.line(line);
    const points = report.checkpoints.map(({ position, bytes, createdAt }) => [
      `  ${count(position)}`,
      size(bytes),
      createdAt,
    ]);
    for (const line of table(points, [0, 1])) output.line(line);
  },
};
