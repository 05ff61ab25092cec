/** `models`: the files that engines are made of. Needs no core: they lie in a folder. */
import { resolve } from 'node:path';
import { checkInstalled, removeModel } from '../../app/installed-model.ts';
import { downloadFromUrl, downloadModel, type DownloadOptions } from '../../app/model-download.ts';
import { importModel } from '../../app/model-import.ts';
import { mirrorOf } from '../../app/model-mirror.ts';
import type { InstalledModel, KnownModel } from '../../app/models.ts';
import { availableModels, readManifest } from '../../app/models.ts';
import { downloadSentenceModel, isSentenceModelWanted } from '../../app/sentence-model-files.ts';
import { AppError } from '../../../shared/errors.ts';
import { verifyGguf } from '../../formats/index.ts';
import { expectPositionals, usageError, type Parsed } from '../arguments.ts';
import type { Command, Context } from '../context.ts';
import { leaveOn } from '../interrupts.ts';
import { count, printable, size, table } from '../output.ts';

export const models: Command = {
  stopsItself: true,
  options: {
    'if-missing': { type: 'boolean' },
    link: { type: 'boolean' },
    sha256: { type: 'string' },
    mirror: { type: 'string' },
    measure: { type: 'boolean' },
  },
  async run(args, context) {
    const [action, ...rest] = args.positionals;
    const given: Parsed = { ...args, positionals: rest };
    // these look into the files with the engine's eyes; the others start without loading it
    if (action === 'list') return (await import('./model-tables.ts')).list(given, context);
    if (action === 'fit') return (await import('./model-tables.ts')).fit(given, context);
    if (action === 'import') return add(given, context);
    if (action === 'remove') return remove(given, context);
    if (action === 'verify') return verify(given, context);
    if (action === 'download') return download(given, context);
    throw usageError(
      'models takes list, fit [ID], import FILE, download [ID|URL], verify ID|FILE or remove ID.',
    );
  },
};

async function add(args: Parsed, { dataFolder, json, output, progress, interrupts }: Context): Promise<void> {
  const [file = ''] = expectPositionals(args, ['FILE.gguf']);
  const model = await importModel(dataFolder, file, {
    as: args.flag('link') ? 'link' : 'copy',
    onProgress: (done, total) => progress.update('Checking', done, total, 'bytes'),
    signal: interrupts.signal,
  });
  progress.clear();
  if (json) return output.json({ id: model.id, path: model.path, bytes: model.bytes, link: model.link });
  output.line(
    `${model.link === null ? 'Imported' : 'Linked'} ${printable(model.id)} (${size(model.bytes)}). Use it with --model ${printable(model.id)}.`,
  );
}

async function remove(args: Parsed, { dataFolder, json, output }: Context): Promise<void> {
  const [id = ''] = expectPositionals(args, ['ID']);
  const model = await removeModel(dataFolder, id);
  if (json) return output.json({ removed: model.id, bytes: model.bytes, link: model.link });
  output.line(
    model.link === null
      ? `Removed ${printable(model.id)} (${size(model.bytes)}).`
      : `Removed the link ${printable(model.id)}; ${printable(model.link)} stays as it is.`,
  );
}

/** An installed model by its id, against what it was when it came; or any file by its path. */
async function verify(args: Parsed, context: Context): Promise<void> {
  const [wanted = ''] = expectPositionals(args, ['ID|FILE.gguf']);
  const installed = (await availableModels(context.dataFolder)).find(({ id }) => id === wanted);
  if (installed !== undefined) return verifyInstalled(installed, context);
  const { json, output, progress, interrupts } = context;
  // read twice: checked, then hashed
  const work = verifyGguf(wanted, (bytes) => progress.update('Checking', bytes, 0, 'bytes'));
  const report = await leaveOn(interrupts.signal, work);
  progress.clear();
  if (json) return output.json({ valid: true, ...report });
  const types = Object.entries(report.types).map(([type, tensors]) => `${type} ${tensors}`);
  const rows = [
    ['file', report.path],
    ['format', `GGUF version ${report.version}, ${size(report.bytes)}`],
    ['name', report.name ?? '(none)'],
    ['architecture', report.architecture ?? '(none)'],
    ['metadata', `${count(report.metadataEntries)} entries`],
    ['tensors', `${count(report.tensors)} (${types.join(', ')}), ${count(report.parameters)} parameters`],
    ['SHA-256', report.sha256],
  ];
  for (const line of table(rows.map((row) => row.map(printable)))) output.line(line);
  output.line('No fault found.');
}

async function verifyInstalled(model: InstalledModel, context: Context): Promise<void> {
  const { json, output, progress, interrupts } = context;
  const { sha256, expected } = await checkInstalled(
    model,
    (done, total) => progress.update('Checking', done, total, 'bytes'),
    interrupts.signal,
  );
  progress.clear();
  if (json) return output.json({ valid: true, id: model.id, path: model.path, sha256, expected });
  const compared = {
    manifest: 'the one that is known of it',
    record: 'the one it had when it came',
  };
  output.line(`${printable(model.id)}: SHA-256 ${sha256}`);
  output.line(
    expected === null
      ? 'No fault found; its hash was not kept when it came, so it was compared with none.'
      : `No fault found; the hash is ${compared[expected.by]}.`,
  );
}

/** A known model by its id, or a GGUF by its address. */
async function download(args: Parsed, context: Context): Promise<void> {
  const manifest = await readManifest();
  const [wanted = manifest.default] = expectPositionals(args, args.positionals.length > 0 ? ['ID|URL'] : []);
  const options = { ...reporting(context), mirror: mirrorOf(args.text('mirror')) };
  if (/^https?:/i.test(wanted)) return downloadUrl(wanted, args, context, options);
  const known = manifest.models.find((model) => model.id === wanted);
  if (!known) {
    const names = manifest.models.map((model) => model.id).join(', ');
    throw new AppError(
      'not-found',
      `No model ${wanted} can be downloaded by its name.`,
      `There are: ${names}. Any other by its address: https://…/NAME.gguf, with --sha256 where it is known.`,
    );
  }
  const ifMissing = args.flag('if-missing');
  await downloadKnown(known, ifMissing, context, options);
  if (wanted === manifest.default) await downloadSentences(context, ifMissing);
}

async function downloadKnown(
  known: KnownModel,
  ifMissing: boolean,
  context: Context,
  options: DownloadOptions,
): Promise<void> {
  const { dataFolder, json, output, progress } = context;
  const installed = await availableModels(dataFolder);
  if (ifMissing && installed.some((model) => model.known?.id === known.id)) return;
  const model = await downloadModel(dataFolder, known, options);
  progress.clear();
  if (json) output.json({ id: model.id, path: model.path, bytes: model.bytes });
  else output.note(`Model ${known.name}: ${size(model.bytes)}, SHA-256 checked, in ${model.path}`);
}

async function downloadUrl(
  url: string,
  args: Parsed,
  { dataFolder, json, output, progress }: Context,
  options: DownloadOptions,
): Promise<void> {
  const sha256 = args.text('sha256')?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    throw usageError('--sha256 takes the 64 hexadecimal digits of a SHA-256.');
  const model = await downloadFromUrl(dataFolder, { url, sha256 }, options);
  progress.clear();
  if (json) return output.json({ id: model.id, path: model.path, bytes: model.bytes });
  output.line(
    `Downloaded ${printable(model.id)} (${size(model.bytes)}) to ${resolve(model.path)}. Use it with --model ${printable(model.id)}.`,
  );
}

async function downloadSentences(context: Context, ifMissing: boolean): Promise<void> {
  const { dataFolder, output, progress } = context;
  if (ifMissing && !(await isSentenceModelWanted(dataFolder))) return;
  try {
    const folder = await downloadSentenceModel(dataFolder, reporting(context));
    progress.clear();
    output.note(`Sentence model, by which passages are found: SHA-256 checked, in ${folder}`);
  } catch (error) {
    progress.clear();
    if (!(error instanceof AppError) || error.code !== 'model-missing') throw error;
    output.note(`${error.message} ${error.hint ?? ''}`);
  }
}

function reporting({ output, progress, interrupts }: Context): DownloadOptions {
  let stage = 'Downloading';
  return {
    signal: interrupts.signal,
    onStage: (text) => {
      stage = text;
      progress.clear();
      if (!process.stderr.isTTY) output.note(`${text} …`);
    },
    onProgress: (done, total) => progress.update(stage, done, total, 'bytes'),
  };
}
