/** What this machine is and can do, for the hardware page and `doctor`. Looks only; no engine is started. */
import { readFileSync } from 'node:fs';
import { arch, cpus, freemem, platform, release, totalmem } from 'node:os';
import { AppError } from '../../shared/errors.ts';
import type { HardwareReport } from '../../shared/rpc/index.ts';
import { listAdapters, onnxruntimePackage, simdLevels } from '../engine/index.ts';
import { sqliteVersion } from '../store/index.ts';

const MB = 2 ** 20;
type Device = HardwareReport['devices'][number];

/** Never fails: what can't be found out says why in its place. */
export async function hardwareReport(): Promise<HardwareReport> {
  const cores = cpus();
  const name = cores[0]?.model.trim() || 'CPU';
  const { features, device } = processor(name);
  return {
    platform: `${platform()} ${release()}, ${arch()}`,
    cpu: { name, cores: cores.length, features },
    memoryMB: { total: Math.round(totalmem() / MB), free: Math.round(freemem() / MB) },
    devices: [device, ...(await graphicsDevices())],
    versions: {
      longleaf: appVersion(),
      node: process.versions.node,
      sqlite: await sqliteVersion().catch(said),
      onnxruntime: attempt(onnxruntimePackage),
    },
  };
}

/** The instruction sets that the kernels can use here, the one in use first. */
function processor(name: string): { features: readonly string[]; device: Device } {
  try {
    const { used, available } = simdLevels();
    const features = [used, ...available.filter((level) => level !== used)];
    return { features, device: { name, backend: 'cpu', usable: true, reason: null } };
  } catch (error) {
    return { features: [], device: { name, backend: 'cpu', usable: false, reason: said(error) } };
  }
}

async function graphicsDevices(): Promise<readonly Device[]> {
  const { adapters, problem } = await listAdapters();
  if (problem !== null) return [{ name: 'GPU', backend: 'webgpu', usable: false, reason: problem }];
  return adapters.map(({ name, software }) => ({
    name,
    backend: 'webgpu',
    usable: !software,
    reason: software ? 'It computes on the processor, more slowly than --backend cpu.' : null,
  }));
}

function appVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

function attempt(look: () => string): string {
  try {
    return look();
  } catch (error) {
    return said(error);
  }
}

function said(error: unknown): string {
  const remedy = error instanceof AppError && error.hint !== undefined ? ` ${error.hint}` : '';
  return `${error instanceof Error ? error.message : String(error)}${remedy}`;
}
