/** Looking into JSON of which nothing is certain: what is not as expected is absent, never an error. */

export type Json = Readonly<Record<string, unknown>>;

export function recordOf(value: unknown): Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** a text with something in it */
export function wordsOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** ISO 8601 from epoch seconds, milliseconds or a date as text */
export function timeOf(value: unknown): string | null {
  const number = typeof value === 'number' ? value * (Math.abs(value) < 1e11 ? 1000 : 1) : NaN;
  const date = new Date(typeof value === 'string' ? value : number);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
