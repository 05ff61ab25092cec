/**
 * Writes the tables of docs/benchmarks.md from bench/results/*.json, so that no figure is copied by hand:
 * what stands between `<!-- results: NAME -->` and `<!-- end -->` is replaced.
 *
 *   node boot.mjs run bench/report.ts [--check]      --check: exit 1 when the page is not what the results say
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import * as v from 'valibot';
import { peersPlot } from './peers/plot.ts';
import { peersResult } from './peers/results.ts';
import { middle, peersTable } from './peers/table.ts';
import { conditions, count, interval, measured } from './report-parts.ts';
import { definitionsTable, fuzzTable } from './formats/tables.ts';
import { foldersTable } from './ingest/folders-table.ts';
import { ingestTable } from './ingest/table.ts';
import { nearestTable, retrievalTable } from './retrieval/table.ts';

const page = join(import.meta.dirname, '../docs/benchmarks.md');

const spread = v.object({ median: v.number(), least: v.number(), most: v.number() });

const reopening = v.object({ modelReadyMs: v.number(), restoredMs: v.number() });
const flatSchema = v.object({
  environment: measured,
  decode: v.object({
    contextTokens: v.number(),
    msPerToken: spread,
    compare: v.object({
      contextTokens: v.number(),
      msPerToken: spread,
      costRatio: v.number(),
      costRatios: spread,
    }),
  }),
  memory: v.object({
    at: v.array(v.object({ tokens: v.number(), residentMB: v.number(), peakMB: v.number() })),
    peakRatio: v.number(),
  }),
  reopen: v.object({
    contextTokens: v.number(),
    stateMB: v.number(),
    modelReadyMs: spread,
    restoredMs: spread,
    cold: v.nullable(reopening),
  }),
});

const perplexitySchema = v.object({
  environment: measured,
  scored: v.number(),
  ours: v.number(),
  theirs: v.number(),
  ratio: v.number(),
  lossDifference: interval,
});

const agreement = v.object({ nmse: v.number(), sameTopToken: v.number() });
const agreementSchema = v.object({
  ...measured.entries,
  tokens: v.number(),
  texts: v.record(
    v.string(),
    v.object({ cpu: agreement, reference: v.optional(agreement), llamaCppWithoutFlashAttention: agreement }),
  ),
});

const lossSchema = v.object({
  environment: measured,
  blockLength: v.number(),
  comparisons: v.array(
    v.object({
      text: v.string(),
      from: v.number(),
      tokens: v.number(),
      loss: v.record(v.string(), v.number()),
      windowMinusAdapted: v.record(v.string(), interval),
    }),
  ),
  blowUp: v.array(
    v.object({
      text: v.string(),
      tokens: v.number(),
      samples: v.number(),
      firstQuarter: v.number(),
      lastQuarter: v.number(),
      highest: v.number(),
      tokensPerSecond: v.number(),
      peakMemoryMB: v.number(),
    }),
  ),
});

const readingSchema = v.object({
  environment: v.object({ ...measured.entries, note: v.string() }),
  runs: v.record(
    v.string(),
    v.object({
      seconds: v.number(),
      reusedTokens: v.optional(v.number()),
      readTokens: v.optional(v.number()),
      stateBytes: v.optional(v.number()),
      peakMemoryMB: v.optional(v.number()),
    }),
  ),
});

const frames = v.object({ p95: v.number(), most: v.number() });
const keys = v.object({ p95Ms: v.number() });
/** of results up to November 2026: one opening, by the clock of the script */
const opened = v.union([v.array(v.number()), v.number()]);
const pageSchema = v.object({
  environment: measured,
  browser: v.string(),
  databaseMB: v.number(),
  bundle: v.object({ firstKB: v.number(), allScriptsKB: v.number() }),
  open: v.object({ usableMs: v.array(v.number()) }),
  chats: v.object({
    messages: v.number(),
    openMs: opened,
    scrollFrameMs: frames,
    longAnswer: v.object({ openMs: opened, scrollFrameMs: frames }),
  }),
  typing: v.object({ files: v.number(), quiet: keys, busy: keys }),
  memory: v.object({
    answers: v.number(),
    heapMB: v.array(v.number()),
    slopeKBPerAnswer: v.number(),
    lateSlopeKBPerAnswer: v.optional(v.number()),
    owners: v.optional(
      v.object({ own: v.number(), messages: v.number(), code: v.number(), browser: v.number() }),
    ),
  }),
});

const searchSchema = v.object({
  environment: measured,
  page: v.number(),
  index: v.object({
    documents: v.number(),
    passages: v.number(),
    textMB: v.number(),
    databaseMB: v.number(),
  }),
  kinds: v.record(v.string(), v.object({ p50: v.number(), p95: v.number(), max: v.number() })),
});

const draftRatio = v.object({ median: v.number(), least: v.number(), most: v.number() });
const draftsSchema = v.object({
  environment: measured,
  rounds: v.number(),
  results: v.record(
    v.string(),
    v.object({
      msWithout: v.number(),
      msWith: v.number(),
      msLlamaCpp: v.number(),
      ratio: draftRatio,
      toLlamaCpp: draftRatio,
    }),
  ),
});

/** of `plots`, in the theme of the reader */
const peersPicture = [
  '<picture>',
  '  <source media="(prefers-color-scheme: dark)" srcset="peers-dark.svg">',
  '  <img src="peers-light.svg" alt="Tokens per second of Longleaf and llama.cpp against the length of the context; the figures are in the table.">',
  '</picture>',
  '',
];

const tables: Readonly<Record<string, (json: unknown) => string[]>> = {
  peers: (json) => [...peersPicture, ...peersTable(v.parse(peersResult, json))],
  flat: (json) => flatTable(v.parse(flatSchema, json)),
  perplexity: (json) => perplexityTable(v.parse(perplexitySchema, json)),
  agreement: (json) => agreementTable(v.parse(agreementSchema, json)),
  loss: (json) => lossTable(v.parse(lossSchema, json)),
  reading: (json) => readingTable(v.parse(readingSchema, json)),
  retrieval: retrievalTable,
  nearest: nearestTable,
  drafts: (json) => draftsTable(v.parse(draftsSchema, json)),
  ingest: ingestTable,
  folders: foldersTable,
  definitions: definitionsTable,
  fuzz: fuzzTable,
  page: (json) => pageTable(v.parse(pageSchema, json)),
  search: (json) => searchTable(v.parse(searchSchema, json)),
};

/** Results whose file is named after what was read, not after the table. */
const files: Readonly<Record<string, string>> = {
  reading: 'moby-read',
  definitions: 'formats-definitions',
  fuzz: 'fuzz-formats',
};

async function main(): Promise<number> {
  const before = readFileSync(page, 'utf8');
  const filled = before.replaceAll(
    /(<!-- results: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => `${begin}\n${section(name)}\n\n${end}`,
  );
  // As `npm run check` wants it, tables aligned.
  const after = await format(filled, { ...(await resolveConfig(page)), filepath: page });
  const written = [{ file: page, text: after }, ...plots()];
  if (!process.argv.includes('--check')) {
    for (const { file, text } of written) writeFileSync(file, text);
    return 0;
  }
  const stale = written.find(({ file, text }) => !existsSync(file) || readFileSync(file, 'utf8') !== text);
  if (stale === undefined) return 0;
  console.error(
    `error: ${stale.file} is not what bench/results says. hint: node boot.mjs run bench/report.ts`,
  );
  return 1;
}

/** Pictures of docs/, one for each theme of the reader. */
function plots(): { file: string; text: string }[] {
  const file = join(import.meta.dirname, 'results/peers.json');
  if (!existsSync(file)) return [];
  const result = v.parse(peersResult, JSON.parse(readFileSync(file, 'utf8')));
  return (['light', 'dark'] as const).map((theme) => ({
    file: join(import.meta.dirname, `../docs/peers-${theme}.svg`),
    text: peersPlot(result, theme),
  }));
}

function section(name: string): string {
  const file = join(import.meta.dirname, 'results', `${files[name] ?? name}.json`);
  const table = tables[name];
  if (table === undefined) throw new Error(`docs/benchmarks.md asks for unknown results: ${name}`);
  if (!existsSync(file)) return '_Not measured yet._';
  return table(JSON.parse(readFileSync(file, 'utf8'))).join('\n');
}

function flatTable({ environment, decode, memory, reopen }: v.InferOutput<typeof flatSchema>): string[] {
  const { compare } = decode;
  const [early, late] = memory.at;
  const range = ({ median, least, most }: v.InferOutput<typeof spread>, digits: number): string =>
    `${median.toFixed(digits)} [${least.toFixed(digits)}, ${most.toFixed(digits)}]`;
  return [
    '| measure | figure |',
    '|---|---|',
    `| a token after ${count(compare.contextTokens)}, ms | ${range(compare.msPerToken, 2)} |`,
    `| a token after ${count(decode.contextTokens)}, ms | ${range(decode.msPerToken, 2)} |`,
    `| ratio | ${compare.costRatio.toFixed(3)} [${compare.costRatios.least.toFixed(3)}, ${compare.costRatios.most.toFixed(3)}] |`,
    `| peak memory after ${count(early?.tokens ?? 0)} tokens, MB | ${early?.peakMB ?? '-'} |`,
    `| peak memory after ${count(late?.tokens ?? 0)} tokens, MB | ${late?.peakMB ?? '-'} |`,
    `| ratio | ${memory.peakRatio.toFixed(3)} |`,
    `| engine process asked for -> model ready, warm, ms | ${range(reopen.modelReadyMs, 0)} |`,
    `| model ready -> state of ${count(reopen.contextTokens)} tokens (${reopen.stateMB} MB) usable, warm, ms | ${range(reopen.restoredMs, 0)} |`,
    `| the same, cold, ms | ${reopen.cold === null ? 'not possible here' : `${reopen.cold.modelReadyMs} + ${reopen.cold.restoredMs}`} |`,
    '',
    conditions(environment),
  ];
}

function perplexityTable(result: v.InferOutput<typeof perplexitySchema>): string[] {
  const { ours, theirs, ratio, lossDifference, scored, environment } = result;
  return [
    '| perplexity | Longleaf | llama.cpp | ratio | loss difference, nat per token |',
    '|---|---|---|---|---|',
    `| ${count(scored)} tokens of Moby-Dick | ${ours.toFixed(3)} | ${theirs.toFixed(3)} | ${ratio.toFixed(5)} | ${signed(lossDifference)} |`,
    '',
    conditions(environment),
  ];
}

function draftsTable({ environment, rounds, results }: v.InferOutput<typeof draftsSchema>): string[] {
  const ratio = ({ median, least, most }: v.InferOutput<typeof draftRatio>): string =>
    `${median.toFixed(2)} [${least.toFixed(2)}, ${most.toFixed(2)}]`;
  return [
    '| an answer to | without drafts, ms a token | with | times as fast | llama.cpp, ms a token | times as fast |',
    '|---|---|---|---|---|---|',
    ...Object.entries(results).map(
      ([name, one]) =>
        `| ${name} | ${one.msWithout.toFixed(1)} | ${one.msWith.toFixed(1)} | ${ratio(one.ratio)} | ${one.msLlamaCpp.toFixed(1)} | ${ratio(one.toLlamaCpp)} |`,
    ),
    '',
    `${count(rounds)} rounds in turns. ${conditions(environment)}`,
  ];
}

function agreementTable(result: v.InferOutput<typeof agreementSchema>): string[] {
  const cell = (one: v.InferOutput<typeof agreement> | undefined): string =>
    one === undefined ? '' : `${one.nmse.toExponential(1)}, ${(100 * one.sameTopToken).toFixed(1)} %`;
  return [
    `| logits of ${count(result.tokens)} tokens: NMSE, same top token | \`cpu\` | \`reference\` | llama.cpp without flash attention |`,
    '|---|---|---|---|',
    ...Object.entries(result.texts).map(
      ([name, one]) =>
        `| ${name} | ${cell(one.cpu)} | ${cell(one.reference)} | ${cell(one.llamaCppWithoutFlashAttention)} |`,
    ),
    '',
    conditions(result),
  ];
}

function lossTable({
  environment,
  comparisons,
  blowUp,
  blockLength,
}: v.InferOutput<typeof lossSchema>): string[] {
  const names = [...new Set(comparisons.flatMap((one) => Object.keys(one.windowMinusAdapted)))];
  return [
    `| text, after tokens | scored | \`adapted\`, nat | ${names.map((name) => `${name} minus \`adapted\``).join(' | ')} |`,
    `|---|---|---|${names.map(() => '---|').join('')}`,
    ...comparisons.map(({ text, from, tokens, loss, windowMinusAdapted }) => {
      const cells = names.map((name) => signed(windowMinusAdapted[name]));
      return `| ${text}, ${count(from)} | ${count(tokens)} | ${(loss['adapted'] ?? NaN).toFixed(3)} | ${cells.join(' | ')} |`;
    }),
    '',
    `In brackets: 95 % bootstrap intervals over blocks of ${blockLength} tokens. ${conditions(environment)}`,
    '',
    '| whole text, `adapted` | tokens | first quarter, nat | last quarter | highest sample | tokens/s | peak memory, MB |',
    '|---|---|---|---|---|---|---|',
    ...blowUp.map(
      (one) =>
        `| ${one.text} | ${count(one.tokens)} | ${one.firstQuarter.toFixed(3)} | ${one.lastQuarter.toFixed(3)} | ` +
        `${one.highest.toFixed(3)} | ${one.tokensPerSecond} | ${one.peakMemoryMB} |`,
    ),
  ];
}

function readingTable({ environment, runs }: v.InferOutput<typeof readingSchema>): string[] {
  const cell = (value: number | undefined): string => (value === undefined ? '' : count(value));
  return [
    '| run | s | tokens taken over | tokens read | state, MB | peak memory, MB |',
    '|---|---|---|---|---|---|',
    ...Object.entries(runs).map(
      ([name, { seconds, reusedTokens, readTokens, stateBytes, peakMemoryMB }]) =>
        `| ${words(name)} | ${seconds} | ${cell(reusedTokens)} | ${cell(readTokens)} | ` +
        `${stateBytes === undefined ? '' : Math.round(stateBytes / 1e6)} | ${cell(peakMemoryMB)} |`,
    ),
    '',
    `${conditions(environment)} ${environment.note[0]?.toUpperCase() ?? ''}${environment.note.slice(1)}.`,
  ];
}

function pageTable(result: v.InferOutput<typeof pageSchema>): string[] {
  const { bundle, open, chats, typing, memory, databaseMB, browser, environment } = result;
  const { longAnswer, scrollFrameMs } = chats;
  const range = (values: readonly number[] | number): string =>
    typeof values === 'number'
      ? `${values}`
      : `${middle(values).toFixed(0)} [${Math.min(...values).toFixed(0)}, ${Math.max(...values).toFixed(0)}]`;
  const { owners } = memory;
  const late =
    memory.lateSlopeKBPerAnswer === undefined ? '' : ` (in the second half ${memory.lateSlopeKBPerAnswer})`;
  const grown = `${memory.heapMB[0] ?? ''} -> ${memory.heapMB.at(-1) ?? ''} MB, ${memory.slopeKBPerAnswer} kB an answer${late}`;
  const heap =
    owners === undefined
      ? grown
      : `${grown}: the page's own objects ${owners.own} (the messages themselves ${owners.messages}), ` +
        `compiled code ${owners.code}; beside the heap the browser's records ${owners.browser}`;
  return [
    '| measure | figure |',
    '|---|---|',
    `| page usable, database of ${count(databaseMB)} MB, ms | ${range(open.usableMs)} |`,
    `| scripts and styles of the first view; all scripts, kB gzip | ${bundle.firstKB}; ${bundle.allScriptsKB} |`,
    `| a chat of ${count(chats.messages)} messages: opens, ms; scrolling, ms a frame, p95 | ${range(chats.openMs)}; ${scrollFrameMs.p95} |`,
    `| an answer of 1 MB: opens, ms; scrolling, ms a frame, p95 | ${range(longAnswer.openMs)}; ${longAnswer.scrollFrameMs.p95} |`,
    `| typing delay, p95, ms: quiet; busy with ${count(typing.files)} files | ${typing.quiet.p95Ms}; ${typing.busy.p95Ms} |`,
    `| heap over ${memory.answers} answers of one chat | ${heap} |`,
    '',
    `${browser}. ${conditions(environment)}`,
  ];
}

function searchTable({ environment, page, index, kinds }: v.InferOutput<typeof searchSchema>): string[] {
  const { documents, passages, textMB, databaseMB } = index;
  return [
    '| query | p50, ms | p95, ms | slowest, ms |',
    '|---|---|---|---|',
    ...Object.entries(kinds).map(([kind, { p50, p95, max }]) => `| ${kind} | ${p50} | ${p95} | ${max} |`),
    '',
    `${count(textMB)} MB of text in ${count(documents)} documents and ${count(passages)} passages, a database of ${count(databaseMB)} MB; a page is ${page} hits. ${conditions(environment)}`,
  ];
}

/** changedChapter -> changed chapter */
function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function signed(value: v.InferOutput<typeof interval> | undefined): string {
  if (value === undefined) return '';
  const one = (number: number): string => (number >= 0 ? '+' : '') + number.toFixed(3);
  return `${one(value.mean)} [${one(value.low)}, ${one(value.high)}]`;
}

process.exitCode = await main();
