/** `models`: the files that engines are made of. Needs no core: they lie in a folder. */
import { downloadModel, type DownloadOptions } from '../../app/model-download.ts';
import { availableModels, importModel, readManifest, removeModel } from '../../app/models.ts';
import { downloadSentenceModel, isSentenceModelWanted } from '../../app/sentence-model-files.ts';
import { AppError } from '../../../shared/errors.ts';
import { verifyGguf } from '../../formats/index.ts';
import { expectPositionals, usageError, type Parsed } from '../arguments.ts';
import type { Command, Context } from '../context.ts';
import { leaveOn } from '../interrupts.ts';
import { count, printable, size, table } from '../output.ts';

export const models: Command = {
  stopsItself: true,
  options: { 'if-missing': { type: 'boolean' } },
  async run(args, context) {
    const [action, ...rest] = args.positionals;
    const given: Parsed = { ...args, positionals: rest };
    if (action === 'list') return list(given, context);
    if (action === 'import') return add(given, context);
    if (action === 'remove') return remove(given, context);
    if (action === 'verify') return verify(given, context);
    if (action === 'download') return download(given, context);
    throw usageError('models takes list, import FILE, remove ID, verify FILE or download [ID].');
  },
};

async function list(args: Parsed, { dataFolder, json, output }: Context): Promise<void> {
  expectPositionals(args, []);
  const manifest = await readManifest();
  const installed = await availableModels(dataFolder);
  if (json) {
    return output.json({
      models: installed.map(({ id, path, bytes, known }) => ({
        id,
        path,
        bytes,
        name: known?.name ?? null,
        isDefault: id === manifest.default,
        farReading: known?.farReading ?? null,
      })),
    });
  }
  if (installed.length === 0)
    return output.line('No model is installed. `npm start` fetches the default one.');
  const rows = installed.map(({ id, bytes, known }) => [
    printable(id),
    size(bytes),
    id === manifest.default ? 'default' : '',
    known
      ? `reading far: ${known.farReading.passed ? 'passed its gate' : 'gate not passed'}`
      : 'not measured',
  ]);
  for (const line of table(rows, [1])) output.line(line);
}

async function add(args: Parsed, { dataFolder, json, output, progress }: Context): Promise<void> {
  const [file = ''] = expectPositionals(args, ['FILE.gguf']);
  const model = await importModel(dataFolder, file, (done, total) =>
    progress.update('Checking', done, total, 'bytes'),
  );
  progress.clear();
  if (json) return output.json({ id: model.id, path: model.path, bytes: model.bytes });
  output.line(
    `Imported ${printable(model.id)} (${size(model.bytes)}). Use it with --model ${printable(model.id)}.`,
  );
}

async function remove(args: Parsed, { dataFolder, json, output }: Context): Promise<void> {
  const [id = ''] = expectPositionals(args, ['ID']);
  const model = await removeModel(dataFolder, id);
  if (json) return output.json({ removed: model.id, bytes: model.bytes });
  output.line(`Removed ${printable(model.id)} (${size(model.bytes)}).`);
}

async function verify(args: Parsed, { json, output, progress, interrupts }: Context): Promise<void> {
  const [file = ''] = expectPositionals(args, ['FILE.gguf']);
  // read twice: checked, then hashed
  const work = verifyGguf(file, (bytes) => progress.update('Checking', bytes, 0, 'bytes'));
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

/** The model that is asked for; with the default one comes the sentence model, which everything works without. */
async function download(args: Parsed, context: Context): Promise<void> {
  const { dataFolder, json, output } = context;
  const manifest = await readManifest();
  const [id = manifest.default] = expectPositionals(args, args.positionals.length > 0 ? ['ID'] : []);
  const known = manifest.models.find((model) => model.id === id);
  if (!known) {
    const names = manifest.models.map((model) => model.id).join(', ');
    throw new AppError('not-found', `No model ${id} can be downloaded.`, `There are: ${names}.`);
  }
  const ifMissing = args.flag('if-missing');
  const installed = await availableModels(dataFolder);
  if (!ifMissing || !installed.some((model) => model.known?.id === id)) {
    const model = await downloadModel(dataFolder, known, reporting(context));
    context.progress.clear();
    if (json) output.json({ id: model.id, path: model.path, bytes: model.bytes });
    else output.note(`Model ${known.name}: ${size(model.bytes)}, SHA-256 checked, in ${model.path}`);
  }
  if (id === manifest.default) await downloadSentences(context, ifMissing);
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
