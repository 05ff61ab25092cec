/**
 * The only importer of `webgpu` (Dawn). Loaded on first use: a process that computes on the CPU never maps its 20 MB.
 * A driver that fails can take the process with it; so adapters are listed in a process of their own
 * (`adapters/process.ts`), and models run in the engine process.
 */
import { AppError } from '../../../shared/errors.ts';
import type { BusCard } from './identical-cards.ts';
import {
  cannotTellApart,
  cardAt,
  cardsOnBus,
  environmentOfCard,
  numbered,
  parseCardName,
} from './identical-cards.ts';

/** Without the first, Dawn offers no 16-bit arithmetic on NVIDIA. Names that this version lacks are ignored by it. */
const FLAGS = ['enable-dawn-features=vulkan_enable_f16_on_nvidia,allow_unsafe_apis'];

/** Dawn's message for a name that no adapter has lists those that there are. */
const NO_SUCH_ADAPTER = 'none of this name';
const LISTED_NAME = /^ \* backend: '[^']*', name: '(.*)'$/gm;

const REMEDY =
  'Install a Vulkan driver for the graphics card (macOS and Windows bring their own), or use --backend cpu.';

/**
 * @param wanted part of the adapter's name, with "#2" the second of those that are called so; absent = the one that
 *   Dawn prefers
 * @param backend for tests: 'null' checks kernels for all features and runs nothing
 * @throws AppError 'unsupported' when there is none, or Dawn can't be loaded on this machine
 */
export async function requestAdapter(wanted?: string, backend?: 'null'): Promise<GPUAdapter> {
  const name = wanted === undefined ? undefined : await onlyCard(wanted);
  const gpu = await createGpu([
    ...FLAGS,
    ...(name === undefined ? [] : [`adapter=${name}`]),
    ...(backend === undefined ? [] : [`backend=${backend}`]),
  ]);
  const adapter = await request(gpu).catch((cause: unknown) => {
    const message =
      name === undefined
        ? 'No graphics adapter was found.'
        : `No graphics adapter has "${name}" in its name.`;
    throw new AppError('unsupported', message, REMEDY, { cause });
  });
  if (adapter === null) throw new AppError('unsupported', 'No graphics adapter was found.', REMEDY);
  return adapter;
}

/** Names of all adapters; identical cards are numbered. */
export async function adapterNames(): Promise<readonly string[]> {
  return numbered(await listedNames());
}

async function listedNames(): Promise<readonly string[]> {
  const gpu = await createGpu([`adapter=${NO_SUCH_ADAPTER}`]);
  try {
    await request(gpu);
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [...message.matchAll(LISTED_NAME)].flatMap(([, name]) => name ?? []);
  }
}

/** The one of several identical cards that this process sees from now on. */
let seen: {
  readonly wanted: string;
  readonly card: BusCard;
  readonly environmentBefore: NodeJS.ProcessEnv;
} | null = null;

/** Where on the bus the card is that was chosen by number; null: none was. */
export function chosenCard(): BusCard | null {
  return seen?.card ?? null;
}

/** For processes that use other cards than this one: what it was before one was chosen here. */
export function environmentOfOthers(): NodeJS.ProcessEnv {
  return seen?.environmentBefore ?? { ...process.env };
}

/**
 * Sees to it that the one that is wanted is the first that Dawn finds.
 * @returns the name to look for
 * @throws AppError 'unsupported' where identical cards can't be told apart
 */
async function onlyCard(wanted: string): Promise<string> {
  const { name, ordinal } = parseCardName(wanted);
  if (ordinal === null || seen?.wanted === wanted) return name;
  const listed = (await listedNames()).filter((one) => one.includes(name));
  if (ordinal > listed.length)
    throw new AppError(
      'unsupported',
      `"${wanted}" is asked for, and ${String(listed.length)} graphics adapters have "${name}" in their name.`,
      'longleaf doctor lists them.',
    );
  if (listed.length === 1) return name;
  if (new Set(listed).size > 1) cannotTellApart(name, 'they are of different kinds; give the whole name');
  const { vendor } = (await requestAdapter(name)).info;
  const card = cardAt(cardsOnBus(), { vendor, count: listed.length, ordinal });
  if (card === null) cannotTellApart(name, 'the system does not say where on the bus it is');
  const environmentBefore = { ...process.env };
  Object.assign(process.env, environmentOfCard(card));
  const left = (await listedNames()).filter((one) => one.includes(name)).length;
  if (left !== 1) {
    restoreEnvironment(environmentBefore);
    cannotTellApart(name, 'Vulkan has no layer of Mesa here that would show it alone');
  }
  seen = { wanted, card, environmentBefore };
  return name;
}

/** Other cards that this process asks for are not hidden by a choice that failed. */
function restoreEnvironment(before: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(before, name)) delete process.env[name];
  Object.assign(process.env, before);
}

/** dawn.node throws where the standard resolves to null. */
async function request(gpu: GPU): Promise<GPUAdapter | null> {
  return await gpu.requestAdapter({ powerPreference: 'high-performance' });
}

/** Adapters and devices are of use only as long as their GPU object lives: kept until the process ends. */
const alive: GPU[] = [];

async function createGpu(flags: string[]): Promise<GPU> {
  const { create } = await import('webgpu').catch((cause: unknown) => {
    throw new AppError('unsupported', 'WebGPU (Dawn) does not load on this machine.', 'Use --backend cpu.', {
      cause,
    });
  });
  const gpu = create(flags);
  alive.push(gpu);
  return gpu;
}
