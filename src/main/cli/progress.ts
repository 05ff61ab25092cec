/** Progress on stderr: one line that is rewritten in a terminal; now and then a plain line elsewhere. */
import { count, duration, size } from './output.ts';

export type Unit = 'files' | 'tokens' | 'bytes';

export interface Progress {
  /** total 0 = not known; another label begins another bar */
  update(label: string, done: number, total: number, unit: Unit): void;
  /** takes the line away, so that something else can be printed */
  clear(): void;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5_000;
const BAR_WIDTH = 24;

interface Target {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** @param now ms, monotonic */
export function createProgress(target: Target, now: () => number = () => performance.now()): Progress {
  const interval = target.isTTY ? REDRAW_MS : PLAIN_LINE_MS;
  let label = '';
  let begin = { at: 0, done: 0 };
  let shownAt = -Infinity;
  let shown = false;

  return {
    update: (nextLabel, done, total, unit) => {
      const at = now();
      if (nextLabel !== label) {
        label = nextLabel;
        begin = { at, done };
        shown = shown && target.isTTY === true;
        // Work that takes a moment needs no line in a log; a bar may come and go.
        shownAt = target.isTTY ? -Infinity : at;
      }
      const finished = total > 0 && done >= total;
      if (at - shownAt < interval && !(finished && shown)) return;
      shownAt = at;
      const text = format(label, done, total, unit, { seconds: (at - begin.at) / 1000, since: begin.done });
      if (target.isTTY) target.write(`\r\u001b[K${text.slice(0, (target.columns ?? 80) - 1)}`);
      else target.write(`${text}\n`);
      shown = true;
    },
    clear: () => {
      if (shown && target.isTTY) target.write('\r\u001b[K');
      shown = false;
      label = '';
    },
  };
}

/** @param pace seconds since the bar began, and what was done already then (a resumed download or reading) */
function format(
  label: string,
  done: number,
  total: number,
  unit: Unit,
  pace: { readonly seconds: number; readonly since: number },
): string {
  const amount = (value: number) => (unit === 'bytes' ? size(value) : count(value));
  const name = unit === 'bytes' ? '' : ` ${unit}`;
  if (total <= 0) return `${label}  ${done > 0 ? amount(done) + name : '…'}`;
  const share = Math.min(1, done / total);
  const bar = '#'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '·');
  const perSecond = pace.seconds > 0.5 ? (done - pace.since) / pace.seconds : 0;
  const rate = perSecond > 0 ? `  ${amount(perSecond)}/s` : '';
  const left = perSecond > 0 && share < 1 ? `  ${duration((total - done) / perSecond)} left` : '';
  return `${label}  [${bar}] ${Math.floor(share * 100)} %  ${amount(done)} of ${amount(total)}${name}${rate}${left}`;
}
