/** What devices that share the work have given to each other. */

export interface ExchangeCounters {
  readonly devices: number;
  readonly rounds: number;
  /** layers of all rounds */
  readonly layers: number;
  /** keys and values that devices gave, each counted once however many devices took it */
  readonly bytes: number;
  /** time of all rounds, and of it the time that the first device had nothing to compute */
  readonly ms: number;
  readonly waitMs: number;
}

/** What came between two readings of the counters. */
export function exchangedSince(before: ExchangeCounters, now: ExchangeCounters): ExchangeCounters {
  return {
    devices: now.devices,
    rounds: now.rounds - before.rounds,
    layers: now.layers - before.layers,
    bytes: now.bytes - before.bytes,
    ms: now.ms - before.ms,
    waitMs: now.waitMs - before.waitMs,
  };
}
