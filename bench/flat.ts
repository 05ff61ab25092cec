/**
 * What must not grow with the context (issue 3): the cost of a token after 1M tokens against one after 128k, and the
 * peak memory after 280k tokens against that after 64k; and how fast a read library is there again.
 *
 *   node boot.mjs run bench/flat.ts [--small]
 *
 * The cost is measured on rings filled with noise; the memory on tokens of Moby-Dick that are really read.
 */
import { parseArgs } from 'node:util';
import { runBench } from '../src/main/bench/index.ts';
import { geometryOf, preset, startEngine } from '../src/main/engine/index.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';
import { benchModel, environment, writeResult } from './environment.ts';
import { mobyDick } from './texts.ts';

const { values } = parseArgs({ options: { small: { type: 'boolean', default: false } } });
const k = 1024;
const sizes = values.small
  ? { near: 16 * k, far: 64 * k, early: 2 * k, late: 4 * k, repeat: 2, library: 2 * k }
  : { near: 128 * k, far: k * k, early: 64 * k, late: 280_000, repeat: 9, library: 64 * k };

const model = await benchModel();
const request = { model, backend: 'cpu', plan: 'adapted' } as const;
const decode = await runBench('decode', {
  ...request,
  context: sizes.far,
  compare: sizes.near,
  synthetic: true,
  repeat: sizes.repeat,
});
const memory = await memoryWhileReading();
const reopen = await runBench('reopen', { ...request, tokens: sizes.library, repeat: sizes.repeat });

writeResult(values.small ? 'flat-small' : 'flat', { environment: environment(), decode, memory, reopen });
console.log(JSON.stringify({ decode: decode['compare'], memory, reopen }, null, 1));

interface MemoryAt {
  readonly tokens: number;
  readonly residentMB: number;
  readonly peakMB: number;
}

async function memoryWhileReading(): Promise<{
  readonly at: readonly MemoryAt[];
  readonly peakRatio: number;
}> {
  const gguf = await openGguf(model.path);
  const tokenizer = createTokenizer(gguf.metadata);
  await gguf.close();
  const ids = tokenizer.encode(await mobyDick());
  if (ids.length < sizes.late) throw new Error(`The novel has only ${ids.length} tokens.`);
  const engine = await startEngine({
    modelPath: model.path,
    modelHash: model.hash,
    backend: 'cpu',
    dataFolder: null,
    maxMemoryMB: 1,
    maxDiskGB: 1,
  });
  try {
    const plan = preset('adapted', geometryOf(engine.info.hyperparameters));
    const { state } = await engine.open({ plan, ids: new Int32Array(0), useStored: false });
    const at: MemoryAt[] = [];
    let position = 0;
    for (const tokens of [sizes.early, sizes.late]) {
      await engine.prefill(state, ids.subarray(position, tokens), { priority: 'reading' });
      position = tokens;
      const { resident, peakResident } = await engine.memory();
      at.push({ tokens, residentMB: Math.round(resident / 1e6), peakMB: Math.round(peakResident / 1e6) });
      console.log(`memory after ${tokens} tokens: ${JSON.stringify(at.at(-1))}`);
    }
    return { at, peakRatio: (at[1]?.peakMB ?? NaN) / (at[0]?.peakMB ?? NaN) };
  } finally {
    await engine.close();
  }
}
