/**
 * Longleaf next to llama.cpp: the same GGUF, the same token ids, the same machine, length by length.
 *
 *   npm run bench:peers [-- --minutes 3 --stage-minutes 4 --rounds 3 --longest 16384 --fresh]
 *
 * llama.cpp runs at its best settings: threads, batch size and flash attention are tried first, the fastest for each
 * figure is taken, and all are listed. It runs in stages; with --minutes no stage begins later than that, and the same
 * command again goes on where it stopped (exit code 3 says that there is more to do). Results: bench/results/peers.json,
 * then the table and the plots of docs/ (`node boot.mjs run bench/report.ts`).
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';
import { benchModel, cpuFlags, environment, writeResult } from './environment.ts';
import {
  farPoints,
  readWithLlamaCpp,
  readWithLongleaf,
  reopenLlamaCpp,
  reopenLongleaf,
} from './peers/measure.ts';
import type { Reading } from './peers/measure.ts';
import { farPoint, ourRound, reopening, session } from './peers/results.ts';
import type { Chosen, PeersResult, PlanName, Point, Session, Settings, TheirRound } from './peers/results.ts';
import { chooseSettings, combinations, longCandidates, named } from './peers/settings.ts';
import { Stages, TimeOver } from './peers/stages.ts';
import { peersTable } from './peers/table.ts';
import { mobyDick } from './texts.ts';

/** Lengths of design section 3 and issue 7; what is longer is extrapolated. */
const LENGTHS = [512, 2048, 4096, 8192, 16_384];
const FAR = [32_768, 131_072];
/** Read at each far length to know what a token costs there. */
const FAR_TOKENS = 2048;
const TRIED = [512, 4096];
const TRIED_LONG = [512, 4096, 8192];
const DECODE_TOKENS = 32;
const STARTS = 3;
const MORE_TO_DO = 3;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'stage-minutes': { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    longest: { type: 'string', default: '16384' },
    fresh: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const lengths = LENGTHS.filter((length) => length <= Number(values.longest));
const longest = lengths.at(-1) ?? 0;

const model = await benchModel();
const version = packageVersion('node-llama-cpp');
const machine = environment();
const stages = new Stages(
  join(import.meta.dirname, 'results/peers.partial.json'),
  JSON.stringify([machine.cpu, machine.cores, machine.commit, version, model.hash, lengths]),
  { begin: Number(values.minutes) * 60, stage: Number(values['stage-minutes']) * 60 },
);
if (values.fresh) stages.finish();

try {
  await main();
} catch (error) {
  if (!(error instanceof TimeOver)) throw error;
  console.log(`${error.message}. Run the same command again: it goes on there.`);
  process.exitCode = MORE_TO_DO;
}

async function main(): Promise<void> {
  const ids = await tokenIds();
  const reading = (stops: readonly number[], signal: AbortSignal): Reading => ({
    model,
    ids,
    stops,
    decodeTokens: DECODE_TOKENS,
    signal,
  });
  const tried = await trySettings(reading);
  const chosen = chooseSettings(tried, lengths);
  const measuredRounds: PeersResult['rounds'] = [];
  for (let round = 1; round <= rounds; round++) {
    const ours = await stages.run(`round ${round}: Longleaf`, ourRound, (signal) =>
      readWithLongleaf(reading(lengths, signal), ourStops()),
    );
    measuredRounds.push({ ours, theirs: await theirRound(reading, chosen, round) });
  }
  const far = await stages.run('far lengths: Longleaf', v.array(farPoint), (signal) =>
    farPoints(reading([], signal), [longest, ...FAR], Math.min(FAR_TOKENS, longest / 2)),
  );
  const last = chosen.at(-1);
  if (last === undefined) throw new Error('--longest must be at least 512.');
  const theirReopening = await stages.run('reopening: llama.cpp', reopening, (signal) =>
    reopenLlamaCpp(reading([], signal), last.prefill, STARTS),
  );
  const ourReopening = await stages.run('reopening: Longleaf', reopening, (signal) =>
    reopenLongleaf(reading([], signal), STARTS),
  );
  const engine = measuredRounds[0]?.ours.engine;
  if (engine === undefined) throw new Error('--rounds must be at least 1.');
  const result: PeersResult = {
    environment: { ...machine, cpuFlags: cpuFlags() },
    model: { id: model.id, hash: model.hash },
    engine,
    llamaCpp: { version, release: llamaCppRelease(), library: tried[0]?.library ?? null, tried, chosen },
    decodeTokens: DECODE_TOKENS,
    rounds: measuredRounds,
    far,
    reopen: { tokens: longest, ours: ourReopening, theirs: theirReopening },
  };
  writeResult('peers', result);
  stages.finish();
  console.log(['', ...peersTable(result)].join('\n'));
}

/** Every combination on a short text; the fastest of each way to attend on a longer one. */
async function trySettings(
  reading: (stops: readonly number[], signal: AbortSignal) => Reading,
): Promise<Session[]> {
  const short: Session[] = [];
  const read = (settings: Settings, stops: readonly number[]): Promise<Session> => {
    const within = stops.filter((length) => length <= longest);
    return stages.run(`llama.cpp up to ${within.at(-1)}: ${named(settings)}`, session, (signal) =>
      readWithLlamaCpp(reading(within, signal), settings),
    );
  };
  for (const settings of combinations(cpus().length)) short.push(await read(settings, TRIED));
  const long: Session[] = [];
  for (const settings of longCandidates(short)) long.push(await read(settings, TRIED_LONG));
  return [
    ...long,
    ...short.filter((one) => !long.some((other) => named(other.settings) === named(one.settings))),
  ];
}

/** Dense up to the length that both read exactly; beyond it the plans that have an end to what they see. */
function ourStops(): Record<PlanName, number[]> {
  const dense = lengths.filter((length) => length <= 8192);
  return {
    dense,
    window: lengths.filter((length) => length > 8192),
    adapted: lengths.filter((length) => length > 2048),
  };
}

/** One process for each of the settings, which reads as far as they are the best somewhere. */
async function theirRound(
  reading: (stops: readonly number[], signal: AbortSignal) => Reading,
  chosen: readonly Chosen[],
  round: number,
): Promise<TheirRound> {
  const sessions = new Map<string, Session>();
  for (const settings of [
    ...new Map(
      chosen.flatMap(({ prefill, decode }) => [prefill, decode]).map((one) => [named(one), one]),
    ).values(),
  ]) {
    const name = named(settings);
    const wanted = chosen.filter(({ prefill, decode }) => named(prefill) === name || named(decode) === name);
    const end = wanted.at(-1)?.tokens ?? 0;
    const stops = lengths.filter((length) => length <= end);
    sessions.set(
      name,
      await stages.run(`round ${round}: llama.cpp, ${name}`, session, (signal) =>
        readWithLlamaCpp(reading(stops, signal), settings),
      ),
    );
  }
  const at = (settings: Settings, tokens: number): Point | undefined =>
    sessions.get(named(settings))?.points.find((point) => point.tokens === tokens);
  return {
    points: chosen.map(({ tokens, prefill, decode }) => ({
      tokens,
      prefillMs: at(prefill, tokens)?.prefillMs ?? null,
      decodeMs: at(decode, tokens)?.decodeMs ?? null,
    })),
  };
}

async function tokenIds(): Promise<Int32Array> {
  const gguf = await openGguf(model.path);
  const tokenizer = createTokenizer(gguf.metadata);
  await gguf.close();
  const ids = tokenizer.encode((await mobyDick()).slice(0, longest * 8)).slice(0, longest);
  if (ids.length < longest) throw new Error(`The novel has only ${ids.length} tokens.`);
  return ids;
}

function packageVersion(name: string): string {
  return v.parse(v.object({ version: v.string() }), moduleJson(`${name}/package.json`)).version;
}

function llamaCppRelease(): string | null {
  const found = v.safeParse(
    v.object({ release: v.string() }),
    moduleJson('node-llama-cpp/llama/binariesGithubRelease.json'),
  );
  return found.success ? found.output.release : null;
}

function moduleJson(path: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../node_modules', path), 'utf8'));
}
