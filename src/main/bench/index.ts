/** `longleaf bench …`: each bench is a function from a request to one JSON object. */
import type { GateResult } from './gate.ts';
import type { BenchName, BenchRequest, BenchResult } from './types.ts';

export { benchNames } from './types.ts';
export type { BenchModel, BenchName, BenchRequest, BenchResult } from './types.ts';

/** Each loads only what it needs. */
const benches: Readonly<Record<BenchName, () => Promise<(request: BenchRequest) => Promise<BenchResult>>>> = {
  prefill: async () => (await import('./prefill.ts')).benchPrefill,
  decode: async () => (await import('./decode.ts')).benchDecode,
  reopen: async () => (await import('./reopen.ts')).benchReopen,
  ingest: async () => (await import('./ingest.ts')).benchIngest,
  recall: async () => (await import('./recall.ts')).benchRecall,
  perplexity: async () => (await import('./perplexity.ts')).benchPerplexity,
  attention: async () => (await import('./attention.ts')).benchAttention,
  count: async () => (await import('./count.ts')).benchCount,
  profile: async () => (await import('./profile.ts')).benchProfile,
};

/**
 * Runs one bench to its end.
 * @throws AppError: of the engine, or 'usage' when the bench needs an option that is not there
 */
export async function runBench(name: BenchName, request: BenchRequest): Promise<BenchResult> {
  const bench = await benches[name]();
  return bench(request);
}

/** The far-reading gate: `bench recall --gate`. */
export async function runGate(request: BenchRequest): Promise<GateResult> {
  return (await import('./gate.ts')).benchGate(request);
}
