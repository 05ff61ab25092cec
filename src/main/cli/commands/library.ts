/** `library`: add, list, show, report, update, read, retry, encoding, remove. */
import { resolve } from 'node:path';
import type {
  ArgsInput,
  FileReport,
  LibraryEvent,
  LibraryPreview,
  LibraryReport,
  LibrarySummary,
} from '../../../shared/rpc/index.ts';
import { encodings } from '../../../shared/encodings.ts';
import { reportFormats } from '../../../shared/library-report.ts';
import { AppError } from '../../../shared/errors.ts';
import { expectPositionals, usageError, type Parsed } from '../arguments.ts';
import type { Command, Context } from '../context.ts';
import { count, duration, plural, printable, size, table } from '../output.ts';

/** Files that are named one by one when they were left out; more than that is a table of `library show`. */
const NAMED_FILES = 20;

const phases = {
  scan: 'Looking at files',
  extract: 'Extracting',
  tokenise: 'Counting tokens',
  index: 'Indexing',
  model: 'Loading the model',
  read: 'Reading',
  checkpoint: 'Saving a checkpoint',
} as const;

export const library: Command = {
  stopsItself: true,
  options: {
    preview: { type: 'boolean' },
    read: { type: 'boolean' },
    'no-read': { type: 'boolean' },
    verify: { type: 'boolean' },
    retry: { type: 'boolean' },
    format: { type: 'string' },
  },
  async run(args, context) {
    const [action, ...rest] = args.positionals;
    const given: Parsed = { ...args, positionals: rest };
    if (action === 'add') return add(given, context);
    if (action === 'list') return list(given, context);
    if (action === 'show') return show(given, context);
    if (action === 'report') return report(given, context);
    if (action === 'update') return update(given, context);
    if (action === 'retry') return retry(given, context);
    if (action === 'encoding') return encoding(given, context);
    if (action === 'read') return read(given, context);
    if (action === 'remove') return remove(given, context);
    throw usageError(
      'library takes add NAME PATH…, list, show NAME, report NAME, update NAME, read NAME, retry NAME [PATH…], encoding NAME PATH [ENCODING|auto] or remove NAME.',
    );
  },
};

async function add(args: Parsed, context: Context): Promise<void> {
  const [name, ...paths] = args.positionals;
  if (name === undefined || paths.length === 0)
    throw usageError('library add takes a NAME and at least one PATH.');
  const choice: Pick<ArgsInput<'library.add'>, 'read'> = {};
  if (args.flag('read') && args.flag('no-read')) throw usageError('--read and --no-read exclude each other.');
  if (args.flag('read')) choice.read = 'always';
  if (args.flag('no-read')) choice.read = 'never';
  const { session, engine, interrupts } = context;
  const request = {
    ...engine,
    ...choice,
    name,
    paths: paths.map((path) => resolve(path)),
    preview: args.flag('preview'),
  };
  await follow(session.stream('library.add', request, interrupts.signal), context);
}

async function update(args: Parsed, context: Context): Promise<void> {
  const [name = ''] = expectPositionals(args, ['NAME']);
  const { session, engine, interrupts } = context;
  const request = {
    ...engine,
    name,
    verify: args.flag('verify'),
    retry: args.flag('retry'),
    preview: args.flag('preview'),
  };
  await follow(session.stream('library.update', request, interrupts.signal), context);
}

async function read(args: Parsed, context: Context): Promise<void> {
  const [name = ''] = expectPositionals(args, ['NAME']);
  const { session, engine, interrupts } = context;
  await follow(session.stream('library.read', { ...engine, name }, interrupts.signal), context);
}

/** Files that could not be read are tried once more: those named as `library report` lists them, or all. */
async function retry(args: Parsed, context: Context): Promise<void> {
  const [name, ...paths] = args.positionals;
  if (name === undefined)
    throw usageError('library retry takes a NAME, and PATHs as `library report` lists them.');
  const { session, engine, interrupts } = context;
  const request = { ...engine, name, retry: paths.length > 0 ? paths : true };
  await follow(session.stream('library.update', request, interrupts.signal), context);
}

/** Says how a text file was decoded; with another encoding, or `auto`, reads it anew. */
async function encoding(args: Parsed, context: Context): Promise<void> {
  const [name, path, wanted] = args.positionals;
  if (name === undefined || path === undefined || args.positionals.length > 3)
    throw usageError(
      'library encoding takes a NAME, a PATH as `library show` lists it, and an ENCODING or auto.',
    );
  const { session, engine, interrupts, json, output } = context;
  if (wanted === undefined) {
    const found = await session.call('library.encoding', { name, path });
    if (json) return output.json(found);
    const how = found.chosen ? ' (chosen)' : found.guessed ? ' (guessed)' : '';
    return output.line(`${printable(path)}: ${found.encoding ?? 'not looked at, the file is large'}${how}`);
  }
  const chosen = wanted === 'auto' ? null : encodings.find((one) => one === wanted.toLowerCase());
  if (chosen === undefined) throw usageError(`ENCODING is auto or one of: ${encodings.join(', ')}.`);
  await session.call('library.setEncoding', { name, path, encoding: chosen });
  await follow(session.stream('library.update', { ...engine, name }, interrupts.signal), context);
}

/** Shows what is being done, and at the end what was done. With --json the last event is the result. */
async function follow(events: AsyncIterable<LibraryEvent>, context: Context): Promise<void> {
  const { json, output, progress } = context;
  let preview: LibraryPreview | null = null;
  let report: LibraryReport | null = null;
  for await (const event of events) {
    switch (event.kind) {
      case 'preview':
        preview = event.preview;
        progress.clear();
        showPreview(preview, output.note);
        break;
      case 'progress': {
        const file = event.file === undefined ? '' : ` ${printable(event.file)}`;
        const label =
          process.stderr.isTTY && event.phase === 'extract' ? phases.extract + file : phases[event.phase];
        progress.update(label, event.done, event.total, event.unit);
        break;
      }
      case 'file':
        break;
      case 'done':
        report = event.report;
        break;
    }
  }
  progress.clear();
  if (report) return json ? output.json(report) : showReport(report, output);
  if (!preview) throw new AppError('internal', 'The work ended without a report.');
  if (json) output.json(preview);
}

function showPreview(preview: LibraryPreview, print: (line: string) => void): void {
  const { files, read: reading } = preview;
  const changes = [
    [preview.added, 'new'],
    [preview.changed, 'changed'],
    [preview.renamed, 'renamed'],
    [preview.removed, 'removed'],
    [preview.unchanged, 'unchanged'],
  ] as const;
  const parts = changes.filter(([value]) => value > 0).map(([value, word]) => `${count(value)} ${word}`);
  const what = parts.length > 0 ? ` (${parts.join(', ')})` : '';
  print(
    `${printable(preview.library)}: ${plural(files.total, 'file')}${what}, ${size(preview.bytes)}, about ${count(preview.tokens)} tokens; ${plural(files.toExtract, 'file')} to extract, about ${duration(preview.seconds)}, ${size(preview.diskBytes)} of disk`,
  );
  if (reading) print(readingCost(reading, preview.changed > 0));
  for (const line of leftOut(preview.leftOut)) print(line);
}

/** @param isBound where a changed file differs is known once it is extracted: until then all of it counts as new */
function readingCost(reading: NonNullable<LibraryPreview['read']>, isBound: boolean): string {
  const { tokens, fromCheckpoint } = reading;
  const from = fromCheckpoint > 0 ? `from the checkpoint at ${count(fromCheckpoint)}` : 'from the beginning';
  const later = isBound ? ', or from a later checkpoint, as far as changed files begin as they did' : '';
  return `Reading into a state: ${isBound ? 'at most about ' : ''}${count(tokens - fromCheckpoint)} of ${count(tokens)} tokens, ${from}${later}; about ${duration(reading.seconds)}, ${size(reading.diskBytes)} of disk`;
}

function showReport(report: LibraryReport, output: Context['output']): void {
  const { counts } = report;
  const changes = `${count(report.added)} new, ${count(report.changed)} changed, ${count(report.renamed)} renamed, ${count(report.removed)} removed, ${count(report.unchanged)} unchanged`;
  output.line(
    `${printable(report.library)}: ${plural(report.files.length, 'file')} (${changes}), ${count(report.tokens)} tokens, in ${duration(report.seconds)}`,
  );
  output.line(
    `Files: ${count(counts.read)} read, ${count(counts.partly)} partly, ${count(counts.refused)} refused, ${count(counts.skipped)} skipped`,
  );
  for (const line of leftOut(report.files.filter(({ outcome }) => outcome !== 'read'))) output.line(line);
  const { state } = report;
  if (!state) return output.line('Indexed; not read into a state.');
  output.line(
    `State: ${count(state.tokens)} of ${count(state.libraryTokens)} tokens, ${count(state.reusedTokens)} reused, ${count(state.readTokens)} read in ${duration(state.readSeconds)}, ${size(state.bytes)}, plan ${state.plan}`,
  );
  output.line(`Checksum ${state.checksum}`);
}

function leftOut(files: readonly FileReport[]): readonly string[] {
  const lines = files
    .slice(0, NAMED_FILES)
    .map(
      ({ path, outcome, reason, bytes }) =>
        `  ${outcome}: ${printable(path)} (${size(bytes)}): ${printable(reason ?? '')}`,
    );
  return files.length > NAMED_FILES ? [...lines, `  … and ${count(files.length - NAMED_FILES)} more`] : lines;
}

async function list(args: Parsed, { session, json, output }: Context): Promise<void> {
  expectPositionals(args, []);
  const libraries = await session.call('library.list', {});
  if (json) return output.json({ libraries });
  if (libraries.length === 0)
    return output.line('No library yet. Add one with `longleaf library add NAME PATH`.');
  for (const line of table(libraries.map(row), [1, 2, 3])) output.line(line);
}

function row({ library: { name }, files, tokens, bytes, status }: LibrarySummary): readonly string[] {
  return [printable(name), plural(files, 'file'), `${count(tokens)} tokens`, size(bytes), status];
}

async function show(args: Parsed, { session, json, output }: Context): Promise<void> {
  const [name = ''] = expectPositionals(args, ['NAME']);
  const details = await session.call('library.show', { name });
  if (json) return output.json(details);
  output.line(row(details).join('  '));
  for (const root of details.library.roots) output.line(`from ${printable(root)}`);
  const rows = details.list.map((file) => [
    `  ${file.outcome}`,
    count(file.tokens),
    size(file.bytes),
    printable(file.path),
    [file.reason, file.readAs === file.path ? null : `read as ${file.readAs}`]
      .filter((part) => part !== null)
      .map((part) => `(${printable(part)})`)
      .join(' '),
  ]);
  for (const line of table(rows, [1, 2])) output.line(line);
  if (details.state) {
    const { tokens, libraryTokens, plan, bytes } = details.state;
    output.line(`State: ${count(tokens)} of ${count(libraryTokens)} tokens, plan ${plan}, ${size(bytes)}`);
  }
}

/** The file itself, for a pipe or `>`. */
async function report(args: Parsed, { session, json, output }: Context): Promise<void> {
  const [name = ''] = expectPositionals(args, ['NAME']);
  const format = args.oneOf('format', reportFormats) ?? (json ? 'json' : 'csv');
  const { content } = await session.call('library.report', { name, format });
  output.write(process.stdout.isTTY ? printable(content) : content);
}

async function remove(args: Parsed, { session, json, output }: Context): Promise<void> {
  const [name = ''] = expectPositionals(args, ['NAME']);
  const result = await session.call('library.remove', { name });
  if (json) return output.json(result);
  output.line(`Removed ${printable(name)}. The files it was made from are untouched.`);
}
