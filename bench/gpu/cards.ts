/** Reading on one card and on all of its kind: speed, what they exchange, and whether the states are equal. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { exchangedSince } from '../../src/main/engine/exchange.ts';
import { listAdapters } from '../../src/main/engine/gpu/adapters.ts';
import { openTested } from '../../src/main/engine/gpu/index.ts';
import { openDevices } from '../../src/main/engine/gpu/sharding/index.ts';
import { geometryOf } from '../../src/main/engine/hyperparameters.ts';
import { preset } from '../../src/main/engine/plan/presets.ts';
import type { Cache, Runtime } from '../../src/main/engine/runtime.ts';
import { openGguf } from '../../src/main/formats/index.ts';
import { encodeTinyLlama } from '../../src/main/formats/testing/index.ts';
import type { StageOptions } from './report.ts';
import { medianOf, report, rounded } from './report.ts';

interface Sizes {
  /** tokens of a reading, from the beginning and after a context */
  readonly tokens: number;
  readonly context: number;
  readonly repeat: number;
}

export async function cards({ device, tiny, model }: StageOptions): Promise<void> {
  const names = await cardsOf(device, tiny);
  if (names.length < 2) {
    report({ cards: { skipped: 'there are no two cards of one name' } });
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-cards-'));
  try {
    const tinyPath = join(folder, 'tiny.gguf');
    if (tiny) writeFileSync(tinyPath, encodeTinyLlama({}));
    const modelPath = tiny ? tinyPath : model;
    if (modelPath === null) {
      report({ cards: { skipped: 'there is no model file' } });
      return;
    }
    const sizes = tiny
      ? { tokens: 600, context: 4096, repeat: 1 }
      : { tokens: 8192, context: 131_072, repeat: 3 };
    for (const count of [1, 2, names.length].filter((each, i, all) => all.indexOf(each) === i))
      await measure(names.slice(0, count), modelPath, folder, sizes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Those that stand several times among the adapters; of a software adapter the same one twice. */
async function cardsOf(device: string | null, tiny: boolean): Promise<readonly string[]> {
  if (tiny && device !== null) return [device, device];
  const { adapters } = await listAdapters();
  const numbered = adapters.filter(({ name }) => /#\d+$/.test(name) && name.includes(device ?? ''));
  const kind = numbered[0]?.name.replace(/#\d+$/, '');
  return numbered.flatMap(({ name }) => (name.replace(/#\d+$/, '') === kind ? [name] : []));
}

async function measure(
  names: readonly string[],
  modelPath: string,
  dataFolder: string,
  { tokens, context, repeat }: Sizes,
): Promise<void> {
  const gguf = await openGguf(modelPath);
  const place = { modelPath, dataFolder };
  const runtime = await openDevices({ device: names.join(',') }, place, (one) =>
    openTested(gguf, one, dataFolder),
  );
  await gguf.close();
  const compiled = runtime.compile(preset('adapted', geometryOf(runtime.hyperparameters)));
  const fromBegin: number[] = [];
  const afterContext: number[] = [];
  let checksum = '';
  const before = runtime.exchanged;
  for (let turn = 0; turn <= repeat; turn++) {
    const [empty, filled] = [runtime.createCache(compiled), runtime.createCache(compiled)];
    filled.fillSynthetic?.(context, 1);
    // the first turn compiles, and hands the filled state over
    const speeds = [await speedOf(runtime, empty, tokens), await speedOf(runtime, filled, tokens)] as const;
    if (turn > 0) fromBegin.push(speeds[0]);
    if (turn > 0) afterContext.push(speeds[1]);
    checksum = await checksumOf(empty);
    for (const cache of [empty, filled]) cache.release();
  }
  const exchange =
    before === undefined || runtime.exchanged === undefined
      ? null
      : exchangedSince(before, runtime.exchanged);
  report({
    cards: {
      [`on${String(names.length)}`]: {
        device: runtime.device,
        prefillTokensPerSecond: rounded(medianOf(fromBegin)),
        [`prefillTokensPerSecondAt${String(context)}`]: rounded(medianOf(afterContext)),
        ...(exchange === null
          ? {}
          : {
              bytesPerRoundAndLayer: Math.round(exchange.bytes / exchange.layers),
              waitingShare: rounded(exchange.waitMs / exchange.ms, 3),
            }),
        // equal for any number of cards
        checksum,
      },
    },
  });
  await runtime.release();
}

/** Tokens per second, without what devices have to be given of the state before the first round. */
async function speedOf(runtime: Runtime, cache: Cache, tokens: number): Promise<number> {
  const { vocabulary } = runtime.hyperparameters;
  const ids = Int32Array.from(
    { length: tokens },
    (_, i) => (Math.imul(i + 1, 2654435761) >>> 7) % vocabulary,
  );
  const rows = runtime.maxRows;
  let begin = performance.now();
  let counted = 0;
  for (let done = 0; done < tokens; done += rows) {
    const chunk = ids.subarray(done, done + rows);
    await runtime.forward(cache, chunk, { logits: done + rows >= tokens ? 'last' : 'none' });
    if (done === 0 && tokens > rows) begin = performance.now();
    else counted += chunk.length;
  }
  return (counted * 1000) / (performance.now() - begin);
}

async function checksumOf(cache: Cache): Promise<string> {
  const hash = createHash('sha256');
  const bytes = cache.snapshotBytes();
  for (let offset = 0; offset < bytes; offset += 2 ** 22) {
    const page = new Uint8Array(Math.min(2 ** 22, bytes - offset));
    await cache.readSnapshot(offset, page);
    hash.update(page);
  }
  return hash.digest('hex');
}
