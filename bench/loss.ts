/**
 * The loss-at-length study of issue 3. Long: about 900,000 tokens.
 *
 *   node boot.mjs run bench/loss.ts [--small] [--only compare|blow-up] [--text code|prose]
 *
 * Parts that were computed before are not computed again (out/loss). Results: bench/results/loss.json and a table.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { geometryOf, preset, readHyperparameters } from '../src/main/engine/index.ts';
import type { AttentionPlan } from '../src/main/engine/index.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';
import { blockBootstrap } from './bootstrap.ts';
import type { Interval } from './bootstrap.ts';
import { benchModel, environment, writeResult } from './environment.ts';
import { lossOfPart } from './loss-study.ts';
import type { LossOfPart, LossRun, Stretch } from './loss-study.ts';
import { mobyDick, standardLibrary } from './texts.ts';

const { values } = parseArgs({
  options: { small: { type: 'boolean' }, only: { type: 'string' }, text: { type: 'string' } },
});

/** tokens: where the scored stretches begin, how long they are, and how far "no blow-up" reads */
const sizes =
  values.small === true
    ? { from: [1024, 4096], scored: 512, whole: 8192, every: 2048, sample: 256 }
    : { from: [16 * 1024, 64 * 1024], scored: 8192, whole: 300_000, every: 4096, sample: 512 };

/** tokens of one block of the bootstrap */
const blockLength = 256;

function windowPlan(keys: number): AttentionPlan {
  return {
    name: `window ${keys} + 4`,
    alignment: 'sliding',
    mixing: 'once',
    positions: 'piecewise',
    sinks: 4,
    window: keys,
    denseUpTo: keys,
  };
}

interface Comparison {
  readonly text: string;
  readonly from: number;
  readonly tokens: number;
  /** nat per token */
  readonly loss: Readonly<Record<string, number>>;
  /** loss of the window minus that of adapted, same tokens: above 0 means that adapted is better */
  readonly windowMinusAdapted: Readonly<Record<string, Interval>>;
}

const model = await benchModel();
const gguf = await openGguf(model.path);
const geometry = geometryOf(await readHyperparameters(gguf));
const tokenizer = createTokenizer(gguf.metadata);
await gguf.close();

const run: LossRun = {
  model,
  backend: 'cpu',
  folder: join(import.meta.dirname, '../out/loss', values.small === true ? 'small' : 'full'),
  onProgress: (name, done, total) => {
    if (done % (16 * 1024) === 0 || done === total) console.log(`${name}: ${done} of ${total} tokens`);
  },
};
const texts = {
  code: tokenizer.encode(standardLibrary(sizes.whole * 6)),
  prose: tokenizer.encode(await mobyDick()),
};
const adapted = preset('adapted', geometry);
/**
 * A window of the exact keys of `adapted` alone, and one of as many keys as `adapted` sees in all where the stretch
 * begins: 4,612 after 16k tokens, 5,452 after 64k (both counted by engine/plan/count.ts, 4 sinks included).
 */
const windows = [
  { keys: 2048, from: sizes.from },
  { keys: 4608, from: sizes.from.slice(0, 1) },
  { keys: 5448, from: sizes.from.slice(1) },
].map(({ keys, from }) => ({ plan: windowPlan(keys), from }));

const comparisons: Comparison[] = [];
const blowUp: object[] = [];
for (const [text, ids] of Object.entries(texts)) {
  if (values.text !== undefined && values.text !== text) continue;
  const base = await readAdapted(text, ids);
  if (values.only !== 'blow-up') comparisons.push(...(await compare(text, ids, base)));
  if (values.only !== 'compare') blowUp.push(alongTheText(text, base));
}
writeResult(values.small === true ? 'loss-small' : 'loss', {
  environment: environment(),
  model: { id: model.id, hash: model.hash },
  blockLength,
  comparisons,
  blowUp,
});
printTable();

/** One reading with `adapted` serves both questions: the scored stretches, and samples all along the text. */
interface AdaptedReading {
  readonly result: LossOfPart;
  readonly stretches: readonly Stretch[];
  readonly compared: readonly Stretch[];
  readonly length: number;
}

async function readAdapted(text: string, ids: Int32Array): Promise<AdaptedReading> {
  const compared = sizes.from.map((from): Stretch => ({ from, count: sizes.scored }));
  const lastCompared = Math.max(...compared.map(({ from, count }) => from + count));
  const length = values.only === 'compare' ? lastCompared : Math.min(ids.length, sizes.whole);
  const samples: Stretch[] = [];
  for (let from = sizes.every - sizes.sample; from + sizes.sample <= length; from += sizes.every) {
    if (!compared.some((other) => from < other.from + other.count && other.from < from + sizes.sample))
      samples.push({ from, count: sizes.sample });
  }
  const stretches = [...compared, ...samples].sort((a, b) => a.from - b.from);
  const name = values.only === 'compare' ? `${text}-adapted` : `${text}-adapted-whole`;
  return {
    result: await lossOfPart({ name, plan: adapted, ids, stretches }, run),
    stretches,
    compared,
    length,
  };
}

async function compare(text: string, ids: Int32Array, base: AdaptedReading): Promise<Comparison[]> {
  const { compared, stretches } = base;
  const rivals: { name: string; stretch: Stretch; losses: readonly number[] }[] = [];
  for (const { plan, from } of windows) {
    const own = compared.filter((stretch) => from.includes(stretch.from));
    const part = { name: `${text}-${plan.name.replaceAll(/\W+/g, '-')}`, plan, ids, stretches: own };
    const { losses } = await lossOfPart(part, run);
    rivals.push(...own.map((stretch, i) => ({ name: plan.name, stretch, losses: losses[i] ?? [] })));
  }
  return compared.map((stretch) => {
    const ours = base.result.losses[stretches.indexOf(stretch)] ?? [];
    const theirs = rivals.filter((rival) => rival.stretch === stretch);
    const difference = (other: readonly number[]): number[] =>
      other.map((loss, i) => loss - (ours[i] ?? NaN));
    return {
      text,
      from: stretch.from,
      tokens: stretch.count,
      loss: Object.fromEntries([
        ['adapted', average(ours)],
        ...theirs.map(({ name, losses }) => [name, average(losses)] as const),
      ]),
      windowMinusAdapted: Object.fromEntries(
        theirs.map(({ name, losses }) => [name, blockBootstrap(difference(losses), blockLength)]),
      ),
    };
  });
}

/** The loss must not rise with the length of what was read. */
function alongTheText(text: string, { result, length }: AdaptedReading): object {
  const means = result.losses.map(average);
  const quarter = Math.max(1, Math.floor(means.length / 4));
  return {
    text,
    tokens: length,
    samples: means.length,
    sampleTokens: sizes.sample,
    firstQuarter: average(means.slice(0, quarter)),
    lastQuarter: average(means.slice(-quarter)),
    highest: Math.max(...means),
    means: means.map((mean) => Number(mean.toFixed(3))),
    tokensPerSecond: result.tokensPerSecond,
    peakMemoryMB: result.peakMemoryMB,
  };
}

function average(list: readonly number[]): number {
  return list.reduce((sum, value) => sum + value, 0) / list.length;
}

function printTable(): void {
  const signed = (value: number): string => (value >= 0 ? '+' : '') + value.toFixed(3);
  const interval = ({ mean, low, high }: Interval): string =>
    `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
  console.log(`\n| text, after | tokens | adapted | windows minus adapted |\n|---|---|---|---|`);
  for (const { text, from, tokens, loss, windowMinusAdapted } of comparisons) {
    const differences = Object.entries(windowMinusAdapted).map(([name, by]) => `${name}: ${interval(by)}`);
    console.log(
      `| ${text} ${from} | ${tokens} | ${loss['adapted']?.toFixed(3) ?? ''} | ${differences.join('; ')} |`,
    );
  }
}
