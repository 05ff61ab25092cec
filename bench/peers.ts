/**
 * Longleaf next to llama.cpp: the same GGUF, the same token ids, the same machine, in one run, in turns.
 *
 *   npm run bench:peers [-- --rounds 3 --long 16384 --short 512]
 *
 * llama.cpp runs at its best settings: threads, batch size and flash attention are tried first, the fastest for each
 * measure is taken, and all are listed. Results: bench/results/peers.json and a table for docs/benchmarks.md.
 */
import { parseArgs } from 'node:util';
import { cpus } from 'node:os';
import { geometryOf, preset, startEngine } from '../src/main/engine/index.ts';
import type { BenchEngine, PresetName } from '../src/main/engine/index.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';
import { benchModel, environment, writeResult } from './environment.ts';
import { startLlamaCpp } from './llama-cpp-process.ts';
import { mobyDick } from './texts.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    short: { type: 'string', default: '512' },
    long: { type: 'string', default: '16384' },
    decode: { type: 'string', default: '64' },
  },
});
const rounds = Number(values.rounds);
const short = Number(values.short);
const long = Number(values.long);
const decodeTokens = Number(values.decode);

interface Settings {
  readonly threads: number;
  readonly batchSize: number;
  readonly flashAttention: boolean;
}

/** tokens per second; null: not measured with these settings */
interface Speeds {
  readonly prefillShort: number;
  readonly prefillLong: number | null;
  readonly decodeLong: number | null;
  /** of the process that read the long text */
  readonly peakMemoryMB: number | null;
}

type Measure = 'prefillShort' | 'prefillLong' | 'decodeLong';

const model = await benchModel();
const gguf = await openGguf(model.path);
const tokenizer = createTokenizer(gguf.metadata);
await gguf.close();
const ids = tokenizer.encode(await mobyDick()).slice(0, long);
if (ids.length < long) throw new Error(`The novel has only ${ids.length} tokens.`);

const ours: Record<Measure, number[]> = { prefillShort: [], prefillLong: [], decodeLong: [] };
const theirs: Record<Measure, number[]> = { prefillShort: [], prefillLong: [], decodeLong: [] };
const memory: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
const tried = await trySettings();
const best: Record<Measure, Settings> = {
  prefillShort: fastest('prefillShort'),
  prefillLong: fastest('prefillLong'),
  decodeLong: fastest('decodeLong'),
};
const engineInfo = await takeTurns();
report();

/** Every combination on the short text; on the long one those that could be the best. */
async function trySettings(): Promise<{ settings: Settings; speeds: Speeds }[]> {
  const threadCounts = [...new Set([1, Math.max(1, cpus().length)])];
  const combinations = threadCounts.flatMap((threads) =>
    [512, 2048].flatMap((batchSize) =>
      [true, false].map((flashAttention): Settings => ({ threads, batchSize, flashAttention })),
    ),
  );
  const results: { settings: Settings; speeds: Speeds }[] = [];
  for (const settings of combinations) {
    const speed = await measureTheirs(settings, { withLong: false });
    console.log(`llama.cpp ${named(settings)}: ${speed.prefillShort.toFixed(0)} tokens/s at ${short}`);
    results.push({ settings, speeds: speed });
  }
  // The batch size matters little over a long text; attention and threads do: the faster batch size of each pair. With
  // fewer threads than cores only the attention that was faster on the short text: each try takes minutes.
  for (const threads of threadCounts) {
    const quicker = results
      .filter(({ settings }) => settings.threads === threads)
      .toSorted((a, b) => b.speeds.prefillShort - a.speeds.prefillShort)[0]?.settings.flashAttention;
    for (const flashAttention of threads === Math.max(...threadCounts) ? [true, false] : [quicker ?? true]) {
      const pair = results.filter(
        ({ settings }) => settings.threads === threads && settings.flashAttention === flashAttention,
      );
      const [candidate] = pair.toSorted((a, b) => b.speeds.prefillShort - a.speeds.prefillShort);
      if (candidate === undefined) continue;
      const speed = await measureTheirs(candidate.settings, { withLong: true });
      console.log(
        `llama.cpp ${named(candidate.settings)}: ${speed.prefillLong?.toFixed(0) ?? '-'} tokens/s at ${long}, ` +
          `decode ${speed.decodeLong?.toFixed(1) ?? '-'}`,
      );
      candidate.speeds = {
        ...speed,
        prefillShort: Math.max(speed.prefillShort, candidate.speeds.prefillShort),
      };
    }
  }
  return results;
}

function fastest(measure: Measure): Settings {
  const ordered = tried.toSorted((a, b) => (b.speeds[measure] ?? 0) - (a.speeds[measure] ?? 0));
  const [first] = ordered;
  if (first === undefined) throw new Error('No settings were tried.');
  return first.settings;
}

async function measureTheirs(settings: Settings, { withLong }: { withLong: boolean }): Promise<Speeds> {
  const llama = await startLlamaCpp(model.path, {
    ...settings,
    contextSize: (withLong ? long : short) + decodeTokens + 64,
  });
  try {
    await llama.prefill(ids.subarray(0, short));
    const times = [await llama.prefill(ids.subarray(0, short)), await llama.prefill(ids.subarray(0, short))];
    const prefillShort = short / (Math.min(...times) / 1000);
    if (!withLong) return { prefillShort, prefillLong: null, decodeLong: null, peakMemoryMB: null };
    const prefillLong = long / ((await llama.prefill(ids)) / 1000);
    const decodeLong = decodeTokens / ((await llama.decode(decodeTokens)) / 1000);
    return { prefillShort, prefillLong, decodeLong, peakMemoryMB: await llama.peakMemoryMB() };
  } finally {
    llama.close();
  }
}

/** Ours and theirs one after the other, `rounds` times, so that both see the same machine. */
async function takeTurns(): Promise<BenchEngine['info']> {
  let info: BenchEngine['info'] | undefined;
  for (let round = 1; round <= rounds; round++) {
    info = await measureOurs();
    for (const measure of ['prefillShort', 'prefillLong', 'decodeLong'] as const) {
      // One start serves all measures that share their best settings.
      if (Object.keys(best).find((other) => sameSettings(best[other as Measure], best[measure])) !== measure)
        continue;
      const wanted = (Object.keys(best) as Measure[]).filter((other) =>
        sameSettings(best[other], best[measure]),
      );
      const speeds = await measureTheirs(best[measure], {
        withLong: wanted.some((one) => one !== 'prefillShort'),
      });
      for (const one of wanted) theirs[one].push(speeds[one] ?? NaN);
      if (speeds.peakMemoryMB !== null) memory.theirs.push(speeds.peakMemoryMB);
    }
    console.log(`round ${round} of ${rounds}: ${JSON.stringify({ ours: last(ours), theirs: last(theirs) })}`);
  }
  if (info === undefined) throw new Error('--rounds must be at least 1.');
  return info;
}

async function measureOurs(): Promise<BenchEngine['info']> {
  const engine = await startEngine({
    modelPath: model.path,
    modelHash: model.hash,
    backend: 'cpu',
    dataFolder: null,
    maxMemoryMB: 1,
    maxDiskGB: 1,
  });
  try {
    await ourPrefill(engine, 'dense', short);
    const times = [await ourPrefill(engine, 'dense', short), await ourPrefill(engine, 'dense', short)];
    ours.prefillShort.push(short / (Math.min(...times.map(({ ms }) => ms)) / 1000));
    const { ms, decodeMs } = await ourPrefill(engine, 'adapted', long, decodeTokens);
    ours.prefillLong.push(long / (ms / 1000));
    ours.decodeLong.push(decodeTokens / (decodeMs / 1000));
    memory.ours.push(Math.round((await engine.memory()).peakResident / 1e6));
    return engine.info;
  } finally {
    await engine.close();
  }
}

async function ourPrefill(
  engine: BenchEngine,
  planName: PresetName,
  tokens: number,
  thenDecode = 0,
): Promise<{ ms: number; decodeMs: number }> {
  const plan = preset(planName, geometryOf(engine.info.hyperparameters));
  const { state } = await engine.open({ plan, ids: new Int32Array(0), useStored: false });
  const start = performance.now();
  await engine.prefill(state, ids.subarray(0, tokens), { priority: 'chat' });
  const read = performance.now();
  if (thenDecode > 0) {
    const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1, maxTokens: thenDecode } as const;
    const repetition = { repetitionPenalty: 1, repetitionWindow: 0 } as const;
    const tokensOut = engine.generate({
      state,
      sampling: { ...sampling, ...repetition },
      stop: [],
      priority: 'chat',
    });
    for await (const token of tokensOut) if (token.id < 0) throw new Error('no token');
  }
  const decoded = performance.now();
  await engine.release(state);
  return { ms: read - start, decodeMs: decoded - read };
}

function report(): void {
  const measures = (Object.keys(best) as Measure[]).map((measure) => {
    const ratios = ours[measure].map((speed, round) => speed / (theirs[measure][round] ?? NaN));
    return { measure, ours: ours[measure], theirs: theirs[measure], ratios, settings: best[measure] };
  });
  writeResult('peers', {
    environment: environment(),
    model: { id: model.id, hash: model.hash },
    engine: { variant: engineInfo.variant, threads: engineInfo.threads },
    tokens: { short, long, decode: decodeTokens },
    tried,
    measures,
    peakMemoryMB: memory,
  });
  const names: Record<Measure, string> = {
    prefillShort: `prefill ${short}, dense`,
    prefillLong: `prefill ${long}, adapted (llama.cpp: dense)`,
    decodeLong: `decode after ${long}, adapted (llama.cpp: dense)`,
  };
  console.log(
    '\n| tokens/s (median of the rounds) | Longleaf | llama.cpp | ratio [least, most] | its settings |',
  );
  console.log('|---|---|---|---|---|');
  for (const { measure, ratios, settings } of measures) {
    const cells = [names[measure], middle(ours[measure]).toFixed(1), middle(theirs[measure]).toFixed(1)];
    const spread = `${middle(ratios).toFixed(2)} [${Math.min(...ratios).toFixed(2)}, ${Math.max(...ratios).toFixed(2)}]`;
    console.log(`| ${[...cells, spread, named(settings)].join(' | ')} |`);
  }
  console.log(`| peak memory, MB | ${Math.max(...memory.ours)} | ${Math.max(...memory.theirs)} | | |`);
}

function named({ threads, batchSize, flashAttention }: Settings): string {
  return `${threads} thread${threads === 1 ? '' : 's'}, batch ${batchSize}, flash attention ${flashAttention ? 'on' : 'off'}`;
}

function sameSettings(a: Settings, b: Settings): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function last(speeds: Record<Measure, number[]>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(speeds).map(([name, list]) => [name, Math.round(list.at(-1) ?? NaN)]),
  );
}

function middle(list: readonly number[]): number {
  const sorted = list.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}
