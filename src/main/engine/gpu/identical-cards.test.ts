import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listAdapters } from './adapters.ts';
import { requestAdapter } from './dawn.ts';
import { cardAt, cardsOnBus, environmentOfCard, numbered, parseCardName } from './identical-cards.ts';
import { skippedWithoutAdapters, skipWithoutAdapters } from './testing/software-adapters.ts';

describe('names of cards', () => {
  it('a number at the end is the place among those of one name', () => {
    expect(parseCardName('NVIDIA L4#2')).toEqual({ name: 'NVIDIA L4', ordinal: 2 });
    for (const name of ['NVIDIA L4', 'L4#', 'L4#0', 'L4#x'])
      expect(parseCardName(name)).toEqual({ name, ordinal: null });
  });

  it('only names that stand there several times get one', () => {
    expect(numbered(['L4', 'UHD 770', 'L4'])).toEqual(['L4#1', 'UHD 770', 'L4#2']);
  });
});

describe('cards of the bus', () => {
  /** two L4, one H200, a graphics processor of Intel, and a network card of NVIDIA's */
  const devices = {
    '0000:49:00.0': ['0x030200', '0x10de', '0x27b8'],
    '0000:17:00.0': ['0x030200', '0x10de', '0x27b8'],
    '0000:9a:00.0': ['0x030200', '0x10de', '0x2335'],
    '0000:00:02.0': ['0x038000', '0x8086', '0xa780'],
    '0000:50:00.0': ['0x020000', '0x10de', '0x27b8'],
  };
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longleaf-bus-'));
    for (const [address, values] of Object.entries(devices)) {
      await mkdir(join(folder, address));
      for (const [i, file] of ['class', 'vendor', 'device'].entries())
        await writeFile(join(folder, address, file), `${values[i] ?? ''}\n`);
    }
  });

  it('are display adapters and accelerators in the order of their addresses', () => {
    expect(cardsOnBus(folder)).toEqual([
      { address: '0000:00:02.0', model: '8086:a780' },
      { address: '0000:17:00.0', model: '10de:27b8' },
      { address: '0000:49:00.0', model: '10de:27b8' },
      { address: '0000:9a:00.0', model: '10de:2335' },
    ]);
    expect(cardsOnBus(join(folder, 'none'))).toEqual([]);
  });

  it('the second of two is the second of the maker’s model of which there are two', () => {
    const second = cardAt(cardsOnBus(folder), { vendor: 'nvidia', count: 2, ordinal: 2 });
    expect(second?.address).toBe('0000:49:00.0');
    expect(second && environmentOfCard(second)).toEqual({
      DRI_PRIME: 'pci-0000_49_00_0',
      MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1',
    });
  });

  it('nothing is guessed', () => {
    const cards = cardsOnBus(folder);
    for (const [vendor, count] of [
      ['nvidia', 3],
      ['amd', 2],
      ['mesa', 2],
      ['intel', 2],
    ] as const)
      expect(cardAt(cards, { vendor, count, ordinal: 1 })).toBeNull();
    const twoModels = [...cards, ...cards.map(({ address, model }) => ({ address, model: `${model}0` }))];
    expect(cardAt(twoModels, { vendor: 'nvidia', count: 2, ordinal: 1 })).toBeNull();
  });
});

describe.skipIf(skipWithoutAdapters)(`two adapters of one name${skippedWithoutAdapters}`, () => {
  const before = { ...process.env };
  beforeEach(async () => {
    // the same driver under two names
    const [driver = ''] = before['VK_ICD_FILENAMES']?.split(':') ?? [];
    const twin = join(await mkdtemp(join(tmpdir(), 'longleaf-twin-')), 'twin.json');
    await copyFile(driver, twin);
    process.env['VK_ICD_FILENAMES'] = `${driver}:${twin}`;
  });
  afterEach(() => {
    for (const name of [
      'VK_ICD_FILENAMES',
      'MESA_VK_DEVICE_SELECT',
      'MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE',
    ])
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before[name];
  });

  it('are listed with numbers, and with what each offers', async () => {
    const { adapters } = await listAdapters();
    expect(adapters.map(({ name }) => name.replace(/ \(.*\)/, ''))).toEqual(['llvmpipe#1', 'llvmpipe#2']);
    expect(adapters[1]?.features).toContain('shader-f16');
  });

  it('where the bus does not tell them apart, a number is refused, and the name alone is not', async () => {
    await expect(requestAdapter('llvmpipe#2')).rejects.toThrow(
      /can't be chosen: the system does not say where/,
    );
    await expect(requestAdapter('llvmpipe#3')).rejects.toThrow(/"llvmpipe#3" is asked for, and 2 graphics/);
    expect((await requestAdapter('llvmpipe')).info.device).toMatch(/llvmpipe/);
  });

  it('Mesa’s layer shows one alone to a process that says so after it has seen both', async () => {
    expect((await listAdapters()).adapters).toHaveLength(2);
    // by maker and model here: software has no place on a bus
    process.env['MESA_VK_DEVICE_SELECT'] = '10005:0';
    process.env['MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE'] = '1';
    expect((await listAdapters()).adapters).toHaveLength(1);
    expect((await requestAdapter('llvmpipe#1')).info.device).toMatch(/llvmpipe/);
  });
});
