/** Numbers, sizes, durations and dates as the interface's language writes them. Reactive: they follow a change of it. */
import { getLocale } from '../paraglide/runtime.js';

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

/** The machine's own kind of the language, where it has one: days and months stand in the order one is used to. */
function locale(): string {
  const language = getLocale();
  return navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;
}

function number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale()} ${JSON.stringify(options)}`;
  const known = made.get(key);
  if (known instanceof Intl.NumberFormat) return known;
  const format = new Intl.NumberFormat(locale(), options);
  made.set(key, format);
  return format;
}

function date(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} date ${JSON.stringify(options)}`;
  const known = made.get(key);
  if (known instanceof Intl.DateTimeFormat) return known;
  const format = new Intl.DateTimeFormat(locale(), options);
  made.set(key, format);
  return format;
}

/** In full, for promises: 1,827,962. */
export function formatNumber(value: number, mostDigits = 0, leastDigits = 0): string {
  return number({ maximumFractionDigits: mostDigits, minimumFractionDigits: leastDigits }).format(value);
}

const SHORT = { notation: 'compact', maximumSignificantDigits: 3 } as const;
/** By language: regions differ in M and m, and m would be taken for a thousandth. */
const shorts = new Map<string, Intl.NumberFormat>();

/** Short, for hints: 1.83M, in Japanese 183万. */
export function formatShort(value: number): string {
  if (Math.abs(value) < 1_000) return formatNumber(value);
  const language = getLocale();
  const format = shorts.get(language) ?? new Intl.NumberFormat(language, SHORT);
  shorts.set(language, format);
  return format.format(value).replace('K', 'k');
}

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Sizes in powers of 1000, as disks and file managers count: 98 MB, 2.1 GB. */
export function formatBytes(bytes: number): string {
  const exponent = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** exponent;
  return number({
    style: 'unit',
    unit: BYTE_UNITS[exponent] ?? 'byte',
    unitDisplay: exponent === 0 ? 'long' : 'short',
    maximumFractionDigits: exponent > 1 && value < 10 ? 1 : 0,
  }).format(value);
}

/** @param fraction 0 to 1 */
export function formatPercent(fraction: number): string {
  return number({ style: 'percent', maximumFractionDigits: 0 }).format(fraction);
}

/** The two largest units that matter: 22 sec, 2 min, 1 hr 20 min. */
export function formatDuration(seconds: number): string {
  const unit = (value: number, name: 'second' | 'minute' | 'hour' | 'day') =>
    number({ style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: 0 }).format(value);
  if (seconds < 1) return unit(1, 'second');
  if (seconds < 90) return unit(Math.round(seconds), 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return unit(minutes, 'minute');
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours < 48) return rest === 0 ? unit(hours, 'hour') : `${unit(hours, 'hour')} ${unit(rest, 'minute')}`;
  return unit(Math.round(hours / 24), 'day');
}

/** 12 Nov 2026, 14:05 */
export function formatDateTime(when: string | number | Date): string {
  return date({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(when));
}

const DAY_MS = 86_400_000;

/** By the calendar: today, yesterday, 3 days ago; in the future likewise. */
export function formatDay(when: string | number | Date, now: number = Date.now()): string {
  const days = Math.round((startOfDay(new Date(when)) - startOfDay(new Date(now))) / DAY_MS);
  return new Intl.RelativeTimeFormat(getLocale(), { numeric: 'auto' }).format(days, 'day');
}

function startOfDay(when: Date): number {
  return new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();
}
