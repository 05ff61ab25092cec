/** What `npm run bench:peers` writes: bench/results/peers.json, read by the table and the plot. */
import * as v from 'valibot';
import { measured } from '../report-parts.ts';

export const settings = v.object({
  threads: v.number(),
  batchSize: v.number(),
  flashAttention: v.boolean(),
});
export type Settings = v.InferOutput<typeof settings>;

const point = v.object({
  /** in the context, after what was read */
  tokens: v.number(),
  /** to read all of them, from an empty context; null: not measured here */
  prefillMs: v.nullable(v.number()),
  /** of one generated token after them */
  decodeMs: v.nullable(v.number()),
});
export type Point = v.InferOutput<typeof point>;

/** llama.cpp with one of its settings */
export const session = v.object({ settings, points: v.array(point), library: v.nullable(v.string()) });
export type Session = v.InferOutput<typeof session>;

export const plans = ['dense', 'window', 'adapted'] as const;
export type PlanName = (typeof plans)[number];

export const engineInfo = v.object({ variant: v.string(), threads: v.number(), device: v.string() });

export const ourRound = v.object({
  engine: engineInfo,
  plans: v.object({ dense: v.array(point), window: v.array(point), adapted: v.array(point) }),
});
export type OurRound = v.InferOutput<typeof ourRound>;

/** llama.cpp's figures of a round, each at the settings chosen for it. */
export const theirRound = v.object({ points: v.array(point) });
export type TheirRound = v.InferOutput<typeof theirRound>;

/** cost of a token where nobody waits for the whole text to be read: in a state filled with noise */
export const farPoint = v.object({
  plan: v.picklist(['window', 'adapted']),
  tokens: v.number(),
  /** of one more token read after them */
  readMs: v.number(),
  decodeMs: v.number(),
});
export type FarPoint = v.InferOutput<typeof farPoint>;

/** A text read by one process; then ms of others, one per start, until it is there again. */
export const reopening = v.object({
  /** of the process that read */
  peakMemoryMB: v.number(),
  stateMB: v.number(),
  modelReadyMs: v.array(v.number()),
  restoredMs: v.array(v.number()),
});
export type Reopening = v.InferOutput<typeof reopening>;

const chosen = v.object({
  tokens: v.number(),
  prefill: settings,
  decode: settings,
});
export type Chosen = v.InferOutput<typeof chosen>;

export const peersResult = v.object({
  environment: v.object({ ...measured.entries, cpuFlags: v.array(v.string()) }),
  model: v.object({ id: v.string(), hash: v.string() }),
  engine: engineInfo,
  llamaCpp: v.object({
    /** of node-llama-cpp */
    version: v.string(),
    release: v.nullable(v.string()),
    library: v.nullable(v.string()),
    tried: v.array(session),
    chosen: v.array(chosen),
  }),
  decodeTokens: v.number(),
  rounds: v.array(v.object({ ours: ourRound, theirs: theirRound })),
  far: v.array(farPoint),
  reopen: v.object({ tokens: v.number(), ours: reopening, theirs: reopening }),
});
export type PeersResult = v.InferOutput<typeof peersResult>;
