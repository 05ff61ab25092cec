/** How much memory a graphics card has left. WebGPU does not tell, so the system is asked. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What of a Mac's memory Metal recommends a program to use at most: some two thirds. */
const appleShare = 0.67;
const drm = '/sys/class/drm';
const pci = '/sys/bus/pci/devices';

export interface AdapterIdentity {
  readonly name: string;
  readonly vendor: string;
  /** computes on the processor */
  readonly software: boolean;
  /** where on the bus it is, if that is known: 0000:49:00.0 */
  readonly address?: string | undefined;
}

/** @returns bytes, the most that any card of that vendor has free; null where nobody says. Never fails. */
export async function freeDeviceMemory({
  name,
  vendor,
  software,
  address,
}: AdapterIdentity): Promise<number | null> {
  if (software) return freemem();
  if (process.platform === 'darwin') return appleShare * totalmem();
  const all = vendor === 'nvidia' ? await ofNvidia(name, address) : await ofAmd(address);
  return all.length === 0 ? null : Math.max(...all);
}

/** Lines "name, MiB"; of the cards that are called so, else of all. */
async function ofNvidia(name: string, address: string | undefined): Promise<readonly number[]> {
  try {
    const card = address === undefined ? [] : [`--id=${address}`];
    const query = [...card, '--query-gpu=name,memory.free', '--format=csv,noheader,nounits'];
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
async function ofAmd(address: string | undefined): Promise<readonly number[]> {
  const found: number[] = [];
  const cards = address === undefined ? await readdir(drm).catch(() => []) : [address];
  for (const card of cards) {
    const folder = address === undefined ? join(drm, card, 'device') : join(pci, card);
    const read = async (file: string): Promise<number> => Number(await readFile(join(folder, file), 'utf8'));
    try {
      const total = await read('mem_info_vram_total');
      if (total >= 2 ** 30) found.push(total - (await read('mem_info_vram_used')));
    } catch {
      // a connector, or a card of another driver
    }
  }
  return found;
}
