/** The same attention in PyTorch, where python3 has it and a card: what ours is compared with. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { compilePlan } from '../../src/main/engine/plan/compile.ts';
import { preset } from '../../src/main/engine/plan/presets.ts';
import { visibleEntries } from '../../src/main/engine/plan/visibility.ts';
import { report } from './report.ts';
import { shapes } from './shapes.ts';

const rows = 512;
const position = 1_048_576;

export async function pytorch(): Promise<void> {
  const { heads, kvHeads, headDim } = shapes.small;
  const geometry = { heads, kvHeads, headDim, trainedLength: 8192 };
  const compiled = compilePlan(preset('adapted', geometry), geometry);
  const rings = compiled.rings.flatMap((ring) => {
    if (ring.kvHead !== 0) return [];
    const { first } = visibleEntries(ring, compiled.sinkCount, position);
    const { end } = visibleEntries(ring, compiled.sinkCount, position + rows - 1);
    return end > first ? [{ keys: end - first, lag: ring.lo, stride: ring.stride }] : [];
  });
  const { stdout, stderr, status, error } = spawnSync(
    'python3',
    [join(import.meta.dirname, 'attention.py')],
    {
      input: JSON.stringify({ heads, kvHeads, headDim, rows, rings }),
      encoding: 'utf8',
    },
  );
  const why = error?.message ?? stderr.trim().split('\n').at(-1);
  const result = status === 0 ? (JSON.parse(stdout) as object) : { skipped: why };
  report({ pytorch: { position, rows, layers: 1, ...result } });
  await Promise.resolve();
}
