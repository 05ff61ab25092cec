/** How much memory a graphics card has left. WebGPU does not tell, so the system is asked. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What of a Mac's memory Metal recommends a program to use at most: some two thirds. */
const appleShare = 0.67;
const drm = '/sys/class/drm';

export interface AdapterIdentity {
  readonly name: string;
  readonly vendor: string;
  /** computes on the processor */
  readonly software: boolean;
}

/** @returns bytes, the most that any card of that vendor has free; null where nobody says. Never fails. */
export async function freeDeviceMemory({ name, vendor, software }: AdapterIdentity): Promise<number | null> {
  if (software) return freemem();
  if (process.platform === 'darwin') return appleShare * totalmem();
  const all = vendor === 'nvidia' ? await ofNvidia(name) : await ofAmd();
  return all.length === 0 ? null : Math.max(...all);
}

/** Lines "name, MiB"; of the cards that are called so, else of all. */
async function ofNvidia(name: string): Promise<readonly number[]> {
  try {
    const query = ['--query-gpu=name,memory.free', '--format=csv,noheader,nounits'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5000 });
    return parseNvidia(stdout, name);
  } catch {
    return [];
  }
}

export function parseNvidia(text: string, name: string): readonly number[] {
  const cards = text
    .trim()
    .split('\n')
    .map((line) => /^(.*), *(\d+)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, card, mebibytes]) => ({ card, bytes: Number(mebibytes) * 2 ** 20 }));
  const named = cards.filter(({ card }) => card === name);
  return (named.length > 0 ? named : cards).map(({ bytes }) => bytes);
}

/** amdgpu's files; a card with less memory of its own than 1 GiB shares the system's. */
async function ofAmd(): Promise<readonly number[]> {
  const found: number[] = [];
  for (const card of await readdir(drm).catch(() => [])) {
    const read = async (file: string): Promise<number> =>
      Number(await readFile(join(drm, card, 'device', file), 'utf8'));
    try {
      const total = await read('mem_info_vram_total');
      if (total >= 2 ** 30) found.push(total - (await read('mem_info_vram_used')));
    } catch {
      // a connector, or a card of another driver
    }
  }
  return found;
}
