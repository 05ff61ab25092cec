/** One stage of bench/gpu.ts, in a process of its own: `run.ts STAGE OPTIONS` prints a JSON object a line. */
import { findingsOf } from '../../src/main/engine/gpu/adapter-test.ts';
import { listAdapters } from '../../src/main/engine/gpu/adapters.ts';
import { Device } from '../../src/main/engine/gpu/device.ts';
import type { StageName, StageOptions } from './report.ts';
import { report } from './report.ts';

const stages: Readonly<Record<StageName, (options: StageOptions) => Promise<void>>> = {
  adapter,
  conformance: async (options) => (await import('./conformance.ts')).conformance(options),
  answers: async (options) => (await import('./answers.ts')).answers(options),
  small: async (options) => (await import('./speed.ts')).small(options),
  variants: async (options) => (await import('./speed.ts')).variants(options),
  large: async (options) => (await import('./speed.ts')).large(options),
  cards: async (options) => (await import('./cards.ts')).cards(options),
  probes: async (options) => (await import('./probes.ts')).probes(options),
  pytorch: async () => (await import('./pytorch.ts')).pytorch(),
};

/** What the adapter offers, matrix units included, and what its test finds: speeds of products by arithmetic. */
async function adapter({ device: name }: StageOptions): Promise<void> {
  report({ adapters: await listAdapters() });
  const device = await Device.open(name ?? undefined);
  const { limits } = device.gpu;
  report({
    adapter: {
      name: device.name,
      driver: device.driver,
      features: device.offered,
      matrixUnits: device.matrixUnits,
      limits: {
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxBufferSize: limits.maxBufferSize,
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      },
    },
  });
  report({ adapterTest: await findingsOf(device, null) });
  device.release();
}

const [, , stage = '', options = '{}'] = process.argv;
if (!Object.hasOwn(stages, stage)) throw new Error(`no stage ${stage}`);
await stages[stage as StageName](JSON.parse(options) as StageOptions);
process.exit(0);
