/** What a stage says: one JSON object a line, each merged into the results as soon as it comes. */
export type StageName =
  'adapter' | 'conformance' | 'answers' | 'small' | 'variants' | 'large' | 'cards' | 'probes' | 'pytorch';

export interface StageOptions {
  /** part of the adapter's name */
  readonly device: string | null;
  /** tiny shapes and few tokens: for software adapters */
  readonly tiny: boolean;
  /** the default model, and what the processor answered with it, where they are there */
  readonly model: string | null;
  readonly expected: string | null;
}

export function report(figures: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

export function rounded(value: number, decimals = 1): number {
  return Number(value.toFixed(decimals));
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
