/** `models list` and `models fit`: what is here, what each needs, how fast it would be. */
import { measureSpeed, readSpeed, saveSpeed, type MachineSpeed } from '../../app/machine-speed.ts';
import { freeMemoryMB, weightBytes } from '../../app/model-fit.ts';
import { ModelSummaries } from '../../app/model-summaries.ts';
import { availableModels, modelsFolder, readManifest, resolveModel } from '../../app/models.ts';
import type { InstalledModel } from '../../app/models.ts';
import type { ModelSummary } from '../../../shared/rpc/index.ts';
import { AppError } from '../../../shared/errors.ts';
import { startEngine } from '../../engine/index.ts';
import { openGguf, sha256File } from '../../formats/index.ts';
import { expectPositionals, type Parsed } from '../arguments.ts';
import type { Context } from '../context.ts';
import { count, printable, size, table } from '../output.ts';

export async function list(args: Parsed, { dataFolder, json, output }: Context): Promise<void> {
  expectPositionals(args, []);
  const manifest = await readManifest();
  const installed = await availableModels(dataFolder);
  const machine = { freeMB: freeMemoryMB(), speed: await readSpeed(dataFolder) };
  const summaries = new ModelSummaries(modelsFolder(dataFolder));
  const all = await Promise.all(
    installed.map((model) => summaries.of(model, machine, model.id === manifest.default)),
  );
  if (json) {
    return output.json({
      models: all.map(
        ({ id, path, link, bytes, packedBytes, isDefault, licence, fit: need, problem }, i) => ({
          id,
          path,
          link,
          bytes,
          packedBytes,
          name: installed[i]?.known?.name ?? null,
          isDefault,
          licence,
          fit: need,
          problem,
          farReading: installed[i]?.known?.farReading ?? null,
        }),
      ),
    });
  }
  if (all.length === 0) return output.line('No model is installed. `npm start` fetches the default one.');
  const rows = all.map((model) => [
    printable(model.id),
    model.packedBytes === 0 ? size(model.bytes) : `${size(model.bytes)} + ${size(model.packedBytes)} packed`,
    model.isDefault ? 'default' : '',
    printable(model.licence ?? 'licence not stated'),
    fitWord(model),
    farWord(model),
    model.link === null ? '' : `link to ${printable(model.link)}`,
  ]);
  for (const line of table(rows, [1])) output.line(line);
}

function fitWord({ problem, fit: need }: ModelSummary): string {
  if (problem !== null) return `can’t be used: ${printable(problem.message)}`;
  if (need === null) return '';
  return need.fits
    ? `fits (${count(need.memoryMB)} MB)`
    : `does not fit (${count(need.memoryMB)} of ${count(need.freeMB)} MB free)`;
}

function farWord({ farReading }: ModelSummary): string {
  if (farReading === null) return 'reading far: not measured';
  return `reading far: ${farReading.passed ? 'passed its gate' : 'gate not passed'}`;
}

/**
 * What a model would need here, and how fast it would be: by a measurement of a few seconds with the default model,
 * kept for the next time (--measure renews it).
 */
export async function fit(args: Parsed, context: Context): Promise<void> {
  const { dataFolder, json, output } = context;
  const [wanted] = expectPositionals(args, args.positionals.length > 0 ? ['ID|FILE.gguf'] : []);
  const model = await resolveModel(dataFolder, wanted);
  const kept = args.flag('measure') ? null : await readSpeed(dataFolder);
  const speed = kept ?? (await measured(context));
  const summaries = new ModelSummaries(modelsFolder(dataFolder));
  const summary = await summaries.of(model, { freeMB: freeMemoryMB(), speed }, false);
  if (summary.problem !== null || summary.fit === null)
    throw new AppError(
      'unsupported',
      summary.problem?.message ?? 'The file can’t be used.',
      summary.problem?.hint,
    );
  const { fit: need } = summary;
  if (json) return output.json({ id: model.id, licence: summary.licence, ...need, measuredWith: speed });
  const rows = [
    ['weights', `${count(need.weightsMB)} MB`],
    ['keys and values', `${count(need.stateMB)} MB`],
    ['working space', `${count(need.scratchMB)} MB`],
    [
      'together',
      `${count(need.memoryMB)} MB of ${count(need.freeMB)} MB free: ${need.fits ? 'fits' : 'does not fit'}`,
    ],
    ...(need.speed === null || speed === null
      ? []
      : [
          ['reading', `about ${speedWord(need.speed.prefillTokensPerSecond)} tokens/s`],
          ['answering', `about ${speedWord(need.speed.decodeTokensPerSecond)} tokens/s`],
          ['from', `${speed.model}, measured ${speed.measuredAt.slice(0, 10)}, in proportion to the weights`],
        ]),
    ['licence', summary.licence ?? 'not stated'],
  ];
  for (const line of table(rows.map((row) => row.map(printable)))) output.line(line);
}

function speedWord(tokensPerSecond: number): string {
  return tokensPerSecond >= 10 ? count(Math.round(tokensPerSecond)) : tokensPerSecond.toFixed(1);
}

/** null: there is no model here to measure with */
async function measured({ dataFolder, output, interrupts }: Context): Promise<MachineSpeed | null> {
  const manifest = await readManifest();
  const here = await availableModels(dataFolder);
  const model = here.find(({ id }) => id === manifest.default) ?? here.find(({ bytes }) => bytes > 0);
  if (model === undefined) return null;
  output.note(`Measuring this machine with ${printable(model.id)} …`);
  const speed = await measureWith(model, interrupts.signal);
  await saveSpeed(dataFolder, speed);
  return speed;
}

async function measureWith(model: InstalledModel, signal: AbortSignal): Promise<MachineSpeed> {
  const file = await openGguf(model.path);
  const bytes = weightBytes(file);
  await file.close();
  const engine = await startEngine({
    modelPath: model.path,
    modelHash: model.known?.sha256 ?? (await sha256File(model.path)),
    backend: 'cpu',
    dataFolder: null,
    maxMemoryMB: 2_048,
    maxDiskGB: 1,
  });
  try {
    return await measureSpeed(engine, { name: model.id, weightBytes: bytes }, signal);
  } finally {
    await engine.close();
  }
}
