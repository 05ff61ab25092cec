import type { TurnTimings } from '../../shared/model/index.ts';

type Mark = 'spawn' | 'modelReady' | 'restored' | 'firstToken';

/** Times of one turn, in ms since the process that the user started began. */
export class TurnClock {
  readonly #startedAt: number;
  readonly #marks = new Map<Mark, number>();
  #prefill = { tokens: 0, ms: 0 };
  #decode = { tokens: 0, first: 0, last: 0 };

  /** @param startedAt epoch ms */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /** Notes that something has happened; the first time counts. */
  mark(what: Mark): void {
    if (!this.#marks.has(what)) this.#marks.set(what, Date.now() - this.#startedAt);
  }

  prefilled(tokens: number, ms: number): void {
    this.#prefill = { tokens, ms };
  }

  token(): void {
    this.mark('firstToken');
    const now = performance.now();
    const { tokens, first } = this.#decode;
    this.#decode = { tokens: tokens + 1, first: tokens === 0 ? now : first, last: now };
  }

  /** Rates are 0 where too little happened to have one. */
  timings(): TurnTimings {
    const at = (what: Mark): number => this.#marks.get(what) ?? 0;
    const { tokens, first, last } = this.#decode;
    return {
      spawnMs: at('spawn'),
      modelReadyMs: at('modelReady'),
      restoredMs: at('restored'),
      firstTokenMs: at('firstToken'),
      prefillTokens: this.#prefill.tokens,
      prefillTokensPerSecond: perSecond(this.#prefill.tokens, this.#prefill.ms),
      decodeTokens: tokens,
      // The first token comes out of the prefill: only the ones after it were decoded step by step.
      decodeTokensPerSecond: perSecond(tokens - 1, last - first),
    };
  }
}

function perSecond(tokens: number, ms: number): number {
  return tokens > 0 && ms > 0 ? tokens / (ms / 1000) : 0;
}
