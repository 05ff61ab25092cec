/**
 * kill -9 at random moments during `library add`, index only (issue 5): a folder of a few thousand mixed files, indexed
 * undisturbed, and by processes that are killed again and again until one comes to the end. Required, for 100 kills: every
 * time it goes on with what was done, ends with the checksums of the undisturbed run (version, documents, tokens,
 * passages, index), the database is sound after each kill and at the end, and no file is left over.
 *
 *   node boot.mjs run bench/ingest-kills.ts [--files 2500] [--kills 100] [--longest 6] [--seed 20261123]
 *
 * Result: bench/results/ingest-kills.json.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchModel, environment, writeResult } from './environment.ts';
import { writeCorpus } from './ingest-kills/corpus.ts';
import { disturbed, randoms, undisturbed } from './ingest-kills/kill-runs.ts';
import { problemsOf } from './ingest-kills/verdict.ts';

const testData = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../shared/data');

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '2500' },
    kills: { type: 'string', default: '100' },
    /** seconds; the shortest is 0.2 */
    longest: { type: 'string', default: '6' },
    seed: { type: 'string', default: '20261123' },
  },
});
const SHORTEST = 0.2;
const wanted = Number(values.kills);
const longest = Number(values.longest);
const random = randoms(Number(values.seed));
const delay = (): number => SHORTEST + random() * (longest - SHORTEST);

const folder = mkdtempSync(join(tmpdir(), 'longleaf-ingest-kills-'));
try {
  const files = join(folder, 'files');
  const samples = await writeCorpus(
    files,
    { files: Number(values.files), zipped: 200, maxSampleBytes: Infinity },
    testData,
  );
  const task = { files, model: (await benchModel()).path, folder };
  const fresh = await undisturbed(task, 'undisturbed');
  console.log(`undisturbed: ${fresh.seconds.toFixed(1)} s, ${JSON.stringify(fresh.report.counts)}`);

  const rounds = [];
  for (let kills = 0; kills < wanted;) {
    const name = `round-${String(rounds.length + 1)}`;
    const round = await disturbed(task, name, wanted - kills, delay);
    kills += round.killedAfter.length;
    const problems = problemsOf(round, fresh);
    rounds.push({
      kills: round.killedAfter.length,
      killedAfter: round.killedAfter.map((seconds) => Number(seconds.toFixed(2))),
      storedAt: round.storedAt,
      problems,
    });
    console.log(
      `${name}: ${String(round.killedAfter.length)} kills, ${problems.join('; ') || 'as undisturbed'}`,
    );
    rmSync(join(folder, name), { recursive: true, force: true });
  }
  const failed = rounds.filter(({ problems }) => problems.length > 0).length;
  writeResult('ingest-kills', {
    environment: environment(),
    files: Number(values.files),
    samples,
    undisturbed: {
      seconds: fresh.seconds,
      counts: fresh.report.counts,
      tokens: fresh.report.tokens,
      ...fresh.content,
    },
    kills: rounds.reduce((sum, round) => sum + round.kills, 0),
    runsToTheEnd: rounds.length,
    failed,
    rounds,
  });
  if (failed > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
