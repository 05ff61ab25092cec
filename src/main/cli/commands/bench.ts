/** `bench NAME …`: measures this machine; one JSON object with --json, the same figures line by line without. */
import { resolve } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { hashOfModel } from '../../app/model-hash.ts';
import { resolveModel } from '../../app/models.ts';
import { saveFarReading } from '../../app/far-reading.ts';
import { benchNames, runBench, runGate, type BenchRequest } from '../../bench/index.ts';
import { usageError, type Parsed } from '../arguments.ts';
import type { Command, Context } from '../context.ts';
import { printable, table } from '../output.ts';

const million = 1024 * 1024;

export const bench: Command = {
  stopsItself: true,
  options: {
    tokens: { type: 'string' },
    context: { type: 'string' },
    compare: { type: 'string' },
    synthetic: { type: 'boolean' },
    repeat: { type: 'string' },
    file: { type: 'string' },
    vectors: { type: 'string' },
    devices: { type: 'string' },
    profile: { type: 'boolean' },
    gate: { type: 'boolean' },
  },
  async run(args, context) {
    const [given, ...paths] = args.flag('profile') ? ['profile', ...args.positionals] : args.positionals;
    const name = benchNames.find((known) => known === given);
    if (name === undefined) throw usageError(`bench takes one of: ${benchNames.join(', ')}.`);
    if (paths.length > 0 && name !== 'ingest')
      throw usageError(`There is one argument too many: ${paths[0] ?? ''}`);
    if (args.flag('gate') && name !== 'recall') throw usageError('--gate belongs to bench recall.');
    const request = await requestOf(args, paths, context);
    const result = args.flag('gate') ? await measureGate(request, context) : await runBench(name, request);
    context.progress.clear();
    if (context.json) context.output.json(result);
    else for (const line of table(rowsOf(result))) context.output.line(printable(line));
  },
};

/** Measures the far-reading gate with the model's own plan where it has one, and remembers the result. */
async function measureGate(request: BenchRequest, { dataFolder }: Context): Promise<object> {
  const result = await runGate(request);
  return { ...result, savedIn: await saveFarReading(dataFolder, request.model.hash, result.farReading) };
}

async function requestOf(args: Parsed, paths: readonly string[], context: Context): Promise<BenchRequest> {
  const { engine, dataFolder, progress, interrupts } = context;
  const devices = devicesOf(args.text('devices') ?? engine.device);
  const { backend = devices.device === undefined ? 'auto' : 'webgpu' } = engine;
  const model = await resolveModel(dataFolder, engine.model, engine.adapter);
  const pathOf = (option: string): string | undefined => {
    const path = args.text(option);
    return path === undefined ? undefined : resolve(path);
  };
  return {
    model: {
      id: model.id,
      path: model.path,
      hash: await hashOfModel(model),
      ...(model.adapter === undefined ? {} : { adapter: model.adapter }),
    },
    backend: backend === 'auto' ? 'cpu' : backend,
    ...devices,
    plan: engine.plan,
    tokens: args.integer('tokens', 1, 64 * million),
    context: args.integer('context', 1, 1024 * million),
    compare: args.integer('compare', 1, 1024 * million),
    synthetic: args.flag('synthetic'),
    repeat: args.integer('repeat', 1, 1000),
    file: pathOf('file'),
    vectors: pathOf('vectors'),
    paths: paths.map((path) => resolve(path)),
    onProgress: (done, total, what) => progress.update(what, done, total, 'tokens'),
    signal: interrupts.signal,
  };
}

/**
 * What --devices (or --device) says: "cpu,cpu" are threads of the processor, each with its own stretch of the tokens;
 * other names are graphics cards.
 */
function devicesOf(list: string | undefined): Pick<BenchRequest, 'device' | 'threads'> {
  if (list === undefined) return {};
  const names = list.split(',').map((name) => name.trim());
  const processors = names.filter((name) => name === 'cpu').length;
  if (processors === 0) return { device: list };
  if (processors === names.length) return { threads: processors };
  throw new AppError(
    'unsupported',
    `${list}: the processor and graphics cards do not compute alike, so that one state can’t be shared between them.`,
    'Name graphics cards of one model, or cpu several times.',
  );
}

function rowsOf(result: object): string[][] {
  return Object.entries(result).flatMap(([figure, value]: [string, unknown]) =>
    Array.isArray(value) ? value.map((each) => [figure, textOf(each)]) : [[figure, textOf(value)]],
  );
}

function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(
      ([name, each]: [string, unknown]) =>
        `${name} ${typeof each === 'object' ? JSON.stringify(each) : String(each)}`,
    )
    .join(', ');
}
