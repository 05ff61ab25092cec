/** What is measured inside the page, by functions that travel there as text: they see nothing of this module. */
import type { Page } from 'playwright-core';

/**
 * ms from each key press to the frame after it was painted, while `text` is typed into the focused element.
 * The paint is taken as done in the task after the frame's callbacks.
 */
export async function typingDelays(page: Page, text: string, betweenMs: number): Promise<readonly number[]> {
  await page.evaluate(() => {
    const delays: number[] = [];
    Object.assign(window, { typingDelays: delays });
    document.addEventListener(
      'keydown',
      (event) => {
        const pressed = event.timeStamp;
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => void delays.push(performance.now() - pressed);
          port2.postMessage(null);
        });
      },
      { capture: true },
    );
  });
  await page.keyboard.type(text, { delay: betweenMs });
  await page.waitForTimeout(500);
  return page.evaluate(() => (window as unknown as { typingDelays: number[] }).typingDelays);
}

/**
 * ms from the next click to the frame in which the messages hold `words`, painted. Begins to look when it is called;
 * the promise it resolves with is asked for after the click.
 */
export async function shownAfterClick(page: Page, words: string): Promise<() => Promise<number>> {
  await page.evaluate((wanted) => {
    const shown = new Promise<number>((resolve) => {
      const clicked = ({ timeStamp }: MouseEvent): void => {
        const look = (): void => {
          if (document.querySelector('[role="log"]')?.textContent.includes(wanted) !== true)
            setTimeout(look, 2);
          else requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - timeStamp)));
        };
        look();
      };
      document.addEventListener('click', clicked, { capture: true, once: true });
    });
    Object.assign(window, { shownAfterClick: shown });
  }, words);
  return () =>
    page.evaluate(() => (window as unknown as { shownAfterClick: Promise<number> }).shownAfterClick);
}

/** ms between frames while the element that holds the messages is scrolled from its end to its beginning. */
export async function framesWhileScrolling(page: Page, steps: number): Promise<readonly number[]> {
  return page.evaluate(async (count) => {
    const log = document.querySelector('[role="log"]');
    // The log itself scrolls, or something in it or around it does.
    const inside = log === null ? [] : [log, ...log.querySelectorAll('*')];
    const scroller =
      inside.find((element) => element.scrollHeight > element.clientHeight + 200) ??
      log?.parentElement ??
      null;
    if (scroller === null) throw new Error('There is nothing to scroll.');
    const frames: number[] = [];
    let last = performance.now();
    for (let i = 0; i < count; i++) {
      scroller.scrollBy(0, -600);
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    return frames;
  }, steps);
}

/** Bytes of the page's JavaScript heap after a garbage collection. */
export async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  await session.detach();
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN;
}

/**
 * Bytes of the page's heap by whose they are, after a garbage collection: `own` = objects, closures and texts that the
 * page holds; `code` = what the engine of the browser compiles as functions get warm; `browser` = its own records
 * (undo, timings of events), which it bounds by itself.
 */
export async function heapByOwner(page: Page): Promise<{ own: number; code: number; browser: number }> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => void chunks.push(chunk));
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  const { snapshot, nodes } = JSON.parse(chunks.join('')) as {
    snapshot: { meta: { node_fields: string[]; node_types: [string[]] } };
    nodes: number[];
  };
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, size] = [fields.indexOf('type'), fields.indexOf('self_size')];
  const sum = { own: 0, code: 0, browser: 0 };
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[0][nodes[at + type] ?? 0];
    const owner = kind === 'code' ? 'code' : kind === 'native' || kind === 'synthetic' ? 'browser' : 'own';
    sum[owner] += nodes[at + size] ?? 0;
  }
  return sum;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Least-squares slope of `values` over their index. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const over = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  return over / values.reduce((sum, _value, i) => sum + (i - middle) ** 2, 0);
}
