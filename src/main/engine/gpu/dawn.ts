/**
 * The only importer of `webgpu` (Dawn). Loaded on first use: a process that computes on the CPU never maps its 20 MB.
 * A driver that fails can take the process with it; so adapters are listed in a process of their own
 * (`probe/process.ts`), and models run in the engine process.
 */
import { AppError } from '../../../shared/errors.ts';

/** Without the first, Dawn offers no 16-bit arithmetic on NVIDIA. Names that this version lacks are ignored by it. */
const FLAGS = ['enable-dawn-features=vulkan_enable_f16_on_nvidia,allow_unsafe_apis'];

/** Dawn's message for a name that no adapter has lists those that there are. */
const NO_SUCH_ADAPTER = 'none of this name';
const LISTED_NAME = /^ \* backend: '[^']*', name: '(.*)'$/gm;

const REMEDY =
  'Install a Vulkan driver for the graphics card (macOS and Windows bring their own), or use --backend cpu.';

/**
 * @param name part of the adapter's name; absent = the one that Dawn prefers
 * @param backend for tests: 'null' checks kernels for all features and runs nothing
 * @throws AppError 'unsupported' when there is none, or Dawn can't be loaded on this machine
 */
export async function requestAdapter(name?: string, backend?: 'null'): Promise<GPUAdapter> {
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

/** Names of all adapters, each once: identical cards can't be told apart here. */
export async function adapterNames(): Promise<readonly string[]> {
  const gpu = await createGpu([`adapter=${NO_SUCH_ADAPTER}`]);
  try {
    await request(gpu);
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [...new Set([...message.matchAll(LISTED_NAME)].flatMap(([, name]) => name ?? []))];
  }
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
