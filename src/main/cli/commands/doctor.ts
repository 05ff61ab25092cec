/** `doctor`: what is here, what is missing, and the remedy. Needs neither core nor engine. */
import { access, mkdir, constants as modes, statfs } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';
import { hardwareReport } from '../../app/index.ts';
import { readManifest, resolveModel } from '../../app/models.ts';
import { sentenceModelFolder } from '../../app/sentence-model-files.ts';
import { autoChoice, listAdapters, simdLevels } from '../../engine/index.ts';
import { sha256File } from '../../formats/index.ts';
import { readOwner } from '../../host/index.ts';
import { sqliteVersion } from '../../store/index.ts';
import { expectPositionals } from '../arguments.ts';
import type { Command, Context } from '../context.ts';
import { printable, size } from '../output.ts';

/** Below this a library and its state may not fit. */
const LITTLE_DISK = 1e9;

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly value: string;
  readonly remedy?: string;
}

export const doctor: Command = {
  async run(args, context) {
    expectPositionals(args, []);
    const { json, output, progress } = context;
    const findings: Finding[] = [];
    const looks = [system, node, simd, sqlite, dataFolder, disk, model, sentences, owner, adapters, backend];
    for (const look of looks) findings.push(await examine(look, context));
    progress.clear();
    const missing = findings.filter(({ ok }) => !ok);
    if (json) output.json({ ok: missing.length === 0, findings });
    else for (const finding of findings) show(finding, output);
    if (missing.length > 0)
      throw new AppError(
        'not-found',
        `Not in order: ${missing.map(({ name }) => name).join(', ')}.`,
        missing[0]?.remedy,
      );
  },
};

type Look = (context: Context) => Promise<Finding> | Finding;

/** What cannot even be looked at is a finding too. */
async function examine(look: Look, context: Context): Promise<Finding> {
  try {
    return await look(context);
  } catch (error) {
    const remedy = error instanceof AppError ? error.hint : undefined;
    const value = error instanceof Error ? error.message : String(error);
    return { name: look.name, ok: false, value, ...(remedy === undefined ? {} : { remedy }) };
  }
}

function show({ name, ok, value, remedy }: Finding, output: Context['output']): void {
  output.line(`${ok ? 'ok     ' : 'MISSING'}  ${name.padEnd(12)}  ${printable(value)}`);
  if (remedy !== undefined) output.line(`${' '.repeat(23)}${printable(remedy)}`);
}

async function system(): Promise<Finding> {
  const { platform, cpu, memoryMB } = await hardwareReport();
  const value = `${platform}, ${cpu.cores} × ${cpu.name}, ${size(memoryMB.total * 2 ** 20)} of memory, ${size(memoryMB.free * 2 ** 20)} free`;
  return { name: 'system', ok: true, value };
}

function node(): Finding {
  const ok = Number(process.versions.node.split('.')[0]) >= 26;
  return {
    name: 'node',
    ok,
    value: process.versions.node,
    ...(ok
      ? {}
      : { remedy: 'Start with `npm start` or `npm run -s longleaf -- …`: they use the packaged Node 26.' }),
  };
}

function simd(): Finding {
  const { used, available, dense, denseAvailable } = simdLevels();
  const value =
    `attention ${used} (available: ${available.join(', ')}), ` +
    `dense ${dense} (available: ${denseAvailable.join(', ')})`;
  return { name: 'simd', ok: true, value };
}

async function sqlite(): Promise<Finding> {
  return { name: 'sqlite', ok: true, value: await sqliteVersion() };
}

async function dataFolder(context: Context): Promise<Finding> {
  const folder = context.dataFolder;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, modes.R_OK | modes.W_OK);
    return { name: 'data folder', ok: true, value: folder };
  } catch (error) {
    const value = error instanceof Error ? error.message : String(error);
    return {
      name: 'data folder',
      ok: false,
      value,
      remedy: 'Check its permissions, or choose another folder with --data DIR.',
    };
  }
}

async function disk(context: Context): Promise<Finding> {
  const { bavail, bsize } = await statfs(context.dataFolder);
  const free = bavail * bsize;
  const ok = free >= LITTLE_DISK;
  return {
    name: 'disk',
    ok,
    value: `${size(free)} free`,
    ...(ok ? {} : { remedy: 'Free some space, or choose another folder with --data DIR.' }),
  };
}

async function model({ dataFolder: folder, engine, progress }: Context): Promise<Finding> {
  const found = await resolveModel(folder, engine.model);
  const { models } = await readManifest();
  const hash = await sha256File(found.path, (bytes) =>
    progress.update('Checking the model', bytes, found.bytes, 'bytes'),
  );
  const known = models.find(({ sha256 }) => sha256 === hash);
  // A file that carries a known name must be that file.
  if (found.known && !known) {
    return {
      name: 'model',
      ok: false,
      value: `${found.path} is damaged: SHA-256 ${hash}`,
      remedy: `Remove it (\`longleaf models remove ${found.id}\`), then run \`npm start\`.`,
    };
  }
  const value = known
    ? `${known.name}, ${size(found.bytes)}, SHA-256 as it should be`
    : `${found.path}, ${size(found.bytes)}, not in the manifest`;
  return { name: 'model', ok: true, value };
}

/** In order without it too: then passages are found by their words alone. */
async function sentences({ dataFolder: folder }: Context): Promise<Finding> {
  const { sentenceModel } = await readManifest();
  const name = 'sentences';
  if ((await sentenceModelFolder(folder)) !== null) return { name, ok: true, value: sentenceModel.name };
  return {
    name,
    ok: true,
    value: `${sentenceModel.name} is not there: passages are found by their words alone`,
    remedy: 'To find them by their meaning too, run `longleaf models download`.',
  };
}

async function owner({ dataFolder: folder }: Context): Promise<Finding> {
  const record = await readOwner(folder);
  const alive = record !== null && isAlive(record.pid);
  return {
    name: 'owner',
    ok: true,
    value: alive ? `process ${record.pid} works with the data folder` : 'none',
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function sumsOf(subgroupSize: number | null): readonly string[] {
  return subgroupSize === null ? [] : [`sums through subgroups of ${String(subgroupSize)}`];
}

async function adapters(): Promise<Finding> {
  const { adapters: found, problem } = await listAdapters();
  const value = found.map(
    ({ name, driver, software, features, subgroupSize, largestBinding }) =>
      `${name} (${[driver, ...(software ? ['software'] : []), ...features, ...sumsOf(subgroupSize)].join(', ')}, buffers up to ${size(largestBinding)})`,
  );
  // a machine without a graphics card is in order
  return { name: 'adapters', ok: true, value: problem ?? value.join('; ') };
}

async function backend({ dataFolder: folder }: Context): Promise<Finding> {
  const { backend: taken, reason } = await autoChoice(folder);
  const what = taken === 'webgpu' ? 'the graphics card' : 'the processor';
  return { name: 'backend', ok: true, value: `auto takes ${what}: ${reason}` };
}
