/** `conversations`: list, show, search, export, import, delete. */
import { stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { ConversationId, Message } from '../../../shared/model/index.ts';
import { expectPositionals, usageError, type Parsed } from '../arguments.ts';
import type { Command, Context } from '../context.ts';
import { plural, printable, table } from '../output.ts';
import { citationLines, receiptLine } from '../answer.ts';

export const conversations: Command = {
  options: {
    format: { type: 'string' },
    out: { type: 'string' },
    all: { type: 'boolean' },
    redact: { type: 'boolean' },
  },
  async run(args, context) {
    const [action, ...rest] = args.positionals;
    const given: Parsed = { ...args, positionals: rest };
    if (action === 'list') return list(given, context);
    if (action === 'show') return show(given, context);
    if (action === 'search') return search(given, context);
    if (action === 'export') return exportFile(given, context);
    if (action === 'import') return importFile(given, context);
    if (action === 'delete') return remove(given, context);
    throw usageError('conversations takes list, show ID, search TEXT, export ID, import FILE or delete ID.');
  },
};

async function list(args: Parsed, { session, json, output }: Context): Promise<void> {
  expectPositionals(args, []);
  const found = await session.call('conversations.list', { limit: 1000 });
  if (json) return output.json({ conversations: found });
  if (found.length === 0) output.line('No conversations yet. Begin one with `longleaf ask "…"`.');
  const rows = found.map(({ conversation, messages }) => [
    conversation.id,
    conversation.updatedAt.slice(0, 16).replace('T', ' '),
    plural(messages, 'message'),
    printable(conversation.title).replaceAll('\n', ' '),
  ]);
  for (const line of table(rows, [2])) output.line(line);
}

async function show(args: Parsed, { session, json, output }: Context): Promise<void> {
  const [id = ''] = expectPositionals(args, ['ID']);
  const details = await session.call('conversations.show', { id: id as ConversationId });
  if (json) return output.json(details);
  output.line(printable(details.conversation.title));
  for (const message of details.branch) showMessage(message, output);
}

function showMessage(message: Message, output: Context['output']): void {
  const status = message.status === 'done' ? '' : `, ${message.status}`;
  output.line();
  output.line(`[${message.role}, ${message.createdAt.slice(0, 16).replace('T', ' ')}${status}]`);
  output.line(printable(message.content));
  if (message.citations) for (const line of citationLines(message.citations)) output.line(line);
  if (message.receipt) output.line(receiptLine(message.receipt));
}

async function search(args: Parsed, { session, json, output }: Context): Promise<void> {
  if (args.positionals.length === 0) throw usageError('TEXT is missing.');
  const hits = await session.call('conversations.search', { query: args.positionals.join(' '), limit: 100 });
  if (json) return output.json({ hits });
  if (hits.length === 0) output.line('Nothing found.');
  const [open, close] = process.stdout.isTTY ? ['\u001b[1m', '\u001b[22m'] : ['', ''];
  for (const hit of hits) {
    output.line(`${hit.conversationId}  ${printable(hit.title).replaceAll('\n', ' ')}`);
    const parts = hit.snippet.split(/[\u0001\u0002]/).map((part) => printable(part).replaceAll('\n', ' '));
    output.line(`    ${parts.map((part, index) => (index % 2 === 1 ? open + part + close : part)).join('')}`);
  }
}

async function exportFile(args: Parsed, { session, output, json }: Context): Promise<void> {
  const all = args.flag('all');
  if (all) expectPositionals(args, []);
  else if (args.positionals.length === 0) throw usageError('ID is missing; --all takes all conversations.');
  const format = args.oneOf('format', ['md', 'html', 'pdf', 'json']) ?? 'md';
  const out = args.text('out');
  const exported = await session.call('conversations.export', {
    ...(all ? {} : { ids: args.positionals as ConversationId[] }),
    format,
    redact: args.flag('redact'),
  });
  const content = Buffer.from(exported.content, exported.encoding);
  if (out === undefined || out === '-') {
    if (exported.encoding === 'utf8') return output.write(exported.content);
    throw usageError(`${exported.fileName} is no text: --out FILE or --out FOLDER says where it goes.`);
  }
  const isFolder = (await stat(out).catch(() => null))?.isDirectory() === true;
  const file = isFolder ? join(out, exported.fileName) : out;
  await writeFile(file, content).catch((cause: Error) => {
    throw new AppError('invalid-input', `${file} cannot be written: ${cause.message}.`, 'Check the path.', {
      cause,
    });
  });
  if (json) return output.json({ file: resolve(file), bytes: content.length });
  output.line(`Wrote ${file}.`);
}

async function importFile(args: Parsed, { session, json, output }: Context): Promise<void> {
  const [file = ''] = expectPositionals(args, ['FILE']);
  const report = await session.call('conversations.import', { file: resolve(file) });
  const { conversations: added, unchanged, failed } = report;
  if (json) output.json(report);
  else {
    for (const { conversation, messages } of added)
      output.line(`${conversation.id}  ${plural(messages, 'message')}  ${oneLine(conversation.title)}`);
    if (unchanged > 0) output.line(`${plural(unchanged, 'conversation')} here already, unchanged.`);
    for (const { title, reason } of failed)
      output.note(`Not imported: ${oneLine(title)}: ${oneLine(reason)}`);
  }
  if (added.length === 0 && unchanged === 0 && failed.length > 0)
    throw new AppError(
      'invalid-input',
      `None of ${plural(failed.length, 'conversation')} could be imported.`,
    );
}

function oneLine(text: string): string {
  return printable(text).replaceAll('\n', ' ');
}

async function remove(args: Parsed, { session, json, output }: Context): Promise<void> {
  const [id = ''] = expectPositionals(args, ['ID']);
  const result = await session.call('conversations.delete', { id: id as ConversationId });
  if (json) return output.json(result);
  output.line('Moved to the trash.');
}
