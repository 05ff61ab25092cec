/**
 * Several graphics cards of one name. Dawn takes the first whose name fits, so one process uses one card: Mesa's
 * device-select layer, which Mesa's drivers bring and Vulkan loads for every driver, then shows this process that card
 * alone. Cards are counted by their places on the PCI bus, from 1: "NVIDIA L4#2".
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';

export interface CardName {
  /** part of an adapter's name */
  readonly name: string;
  /** which of those that are called so, from 1; null: the first that the driver lists */
  readonly ordinal: number | null;
}

/** A display adapter or accelerator of the PCI bus (class 03 or 12). */
export interface BusCard {
  /** domain:bus:device.function, as 0000:49:00.0 */
  readonly address: string;
  /** maker and model: 10de:2335 */
  readonly model: string;
}

/** By the names that WebGPU gives the makers. */
const makers: Readonly<Record<string, string>> = { nvidia: '10de', amd: '1002', intel: '8086' };

export function parseCardName(text: string): CardName {
  const [, name, ordinal] = /^(.*)#([1-9]\d*)$/.exec(text) ?? [];
  return name === undefined ? { name: text, ordinal: null } : { name, ordinal: Number(ordinal) };
}

/** Names of adapters, told apart: those that stand there several times get a number. */
export function numbered(names: readonly string[]): readonly string[] {
  return names.map((name, i) => {
    if (names.filter((other) => other === name).length === 1) return name;
    return `${name}#${String(names.slice(0, i + 1).filter((other) => other === name).length)}`;
  });
}

/** In the order of their addresses; none where the system has no such list (only Linux has). */
export function cardsOnBus(folder = '/sys/bus/pci/devices'): readonly BusCard[] {
  let addresses: string[];
  try {
    addresses = readdirSync(folder).sort();
  } catch {
    return [];
  }
  const read = (address: string, file: string): string =>
    readFileSync(join(folder, address, file), 'utf8')
      .trim()
      .replace(/^0x/, '');
  return addresses
    .filter((address) => /^(03|12)/.test(read(address, 'class')))
    .map((address) => ({ address, model: `${read(address, 'vendor')}:${read(address, 'device')}` }));
}

/**
 * Which card of the bus is the `ordinal`th of `count` adapters of one name: cards of one model of that maker, as many
 * as there are adapters.
 * @param vendor as WebGPU names it
 * @returns null where the bus does not say
 */
export function cardAt(
  cards: readonly BusCard[],
  { vendor, count, ordinal }: { readonly vendor: string; readonly count: number; readonly ordinal: number },
): BusCard | null {
  const ofMaker = cards.filter(({ model }) => model.startsWith(`${makers[vendor] ?? 'unknown'}:`));
  const models = [...new Set(ofMaker.map(({ model }) => model))];
  const fitting = models.map((model) => ofMaker.filter((card) => card.model === model));
  const [alike, ...others] = fitting.filter((group) => group.length === count);
  return alike === undefined || others.length > 0 ? null : (alike[ordinal - 1] ?? null);
}

/** What Mesa's device-select layer reads: this card, and no other. */
export function environmentOfCard({ address }: BusCard): Readonly<Record<string, string>> {
  return {
    DRI_PRIME: `pci-${address.replace(/[:.]/g, '_')}`,
    MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1',
  };
}

/** @throws AppError 'unsupported' always */
export function cannotTellApart(name: string, why: string): never {
  throw new AppError(
    'unsupported',
    `Several graphics adapters are called "${name}", and this one can't be chosen: ${why}.`,
    'Leave "#" and its number away for the first, or let this process see one card only (a container, or the driver’s own settings).',
  );
}
