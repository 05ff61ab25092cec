/** Command line to typed values. What does not fit is an AppError 'usage': exit code 2. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { AppError } from '../../shared/errors.ts';

export interface Parsed {
  readonly positionals: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  /** whole number of [low, high]; `128k` means 128 * 1024 */
  integer(name: string, low: number, high: number): number | undefined;
  number(name: string, low: number, high: number): number | undefined;
  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined;
}

export const globalOptions = {
  data: { type: 'string' },
  model: { type: 'string' },
  adapter: { type: 'string' },
  plan: { type: 'string' },
  backend: { type: 'string' },
  device: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

export function usageError(message: string, hint = 'See `longleaf --help`.'): AppError {
  return new AppError('usage', message, hint);
}

/**
 * @param list an option that takes everything up to the next option: `--add FILE FOLDER …`
 * @throws AppError 'usage'
 */
export function parse(argv: readonly string[], options: ParseArgsOptionsConfig, list?: string): Parsed {
  const known = { ...globalOptions, ...options };
  const { values, positionals, tokens } = parseStrictly(argv, known);
  const kept: string[] = [];
  const listed: string[] = [];
  let inList = false;
  for (const token of tokens) {
    if (token.kind === 'option') inList = token.name === list;
    if (token.kind === 'option' && inList && token.value !== undefined) listed.push(token.value);
    if (token.kind === 'positional') (inList ? listed : kept).push(token.value);
  }
  const text = (name: string) => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const number = (name: string, low: number, high: number) => {
    const given = text(name);
    if (given === undefined) return undefined;
    const value = numberOf(given);
    if (value >= low && value <= high) return value;
    throw usageError(`--${name} takes a number from ${low} to ${high}, not ${given}.`);
  };
  return {
    positionals: list === undefined ? positionals : kept,
    flag: (name) => values[name] === true,
    text,
    texts: (name) => {
      if (name === list) return listed;
      const value = values[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    number,
    integer: (name, low, high) => {
      const value = number(name, low, high);
      if (value === undefined || Number.isInteger(value)) return value;
      throw usageError(`--${name} takes a whole number, not ${value}.`);
    },
    oneOf: (name, allowed) => {
      const given = text(name);
      const found = allowed.find((one) => one === given);
      if (given === undefined || found !== undefined) return found;
      throw usageError(`--${name} takes ${allowed.join(', ')}; not ${given}.`);
    },
  };
}

function parseStrictly(argv: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true, tokens: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw usageError(message.replace(/\. To specify a positional argument.*$/s, '.'));
  }
}

/** NaN for what is not a number. */
function numberOf(text: string): number {
  const [, digits, unit] = /^(-?\d+(?:\.\d+)?)([kKmM]?)$/.exec(text) ?? [];
  if (digits === undefined) return Number.NaN;
  const factor = { '': 1, k: 1024, m: 1024 * 1024 }[unit?.toLowerCase() ?? ''] ?? 1;
  return Number(digits) * factor;
}

/** Exactly these positional arguments. */
export function expectPositionals(args: Parsed, names: readonly string[]): readonly string[] {
  const { positionals } = args;
  if (positionals.length < names.length)
    throw usageError(`${names[positionals.length] ?? 'An argument'} is missing.`);
  if (positionals.length > names.length)
    throw usageError(`There is one argument too many: ${positionals[names.length] ?? ''}`);
  return positionals;
}

/** A model or plan as the user names it: a path becomes absolute, anything else is a name. */
export function nameOrPath(value: string, extension: string): string {
  const isPath = /[\\/]/.test(value) || (value.toLowerCase().endsWith(extension) && existsSync(value));
  return isPath ? resolve(value) : value;
}
