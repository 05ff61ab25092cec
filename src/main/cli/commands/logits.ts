/** `logits --tokens FILE.json [--plan NAME] [--last N]`: what the model says, as numbers. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { AppError } from '../../../shared/errors.ts';
import { hashOfModel } from '../../app/model-hash.ts';
import { resolveModel } from '../../app/models.ts';
import { geometryOf, loadPlan, startEngine } from '../../engine/index.ts';
import { expectPositionals, usageError } from '../arguments.ts';
import type { Command } from '../context.ts';

const idList = v.pipe(
  v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31 - 1))),
  v.minLength(1),
);

export const logits: Command = {
  stopsItself: true,
  options: { tokens: { type: 'string' }, last: { type: 'string' } },
  async run(args, { dataFolder, engine: choice, output, interrupts }) {
    expectPositionals(args, []);
    const file = args.text('tokens');
    if (file === undefined) throw usageError('logits needs --tokens FILE.json: a JSON array of token ids.');
    const ids = await readIds(file);
    const last = args.integer('last', 1, ids.length) ?? 1;
    const model = await resolveModel(dataFolder, choice.model, choice.adapter);
    // An engine of its own that stores nothing: the owner of the data folder is not needed, and not disturbed.
    const engine = await startEngine({
      modelPath: model.path,
      ...(model.adapter === undefined ? {} : { adapterPath: model.adapter }),
      modelHash: await hashOfModel(model),
      backend: choice.backend === undefined || choice.backend === 'auto' ? 'cpu' : choice.backend,
      dataFolder: null,
      maxMemoryMB: 1024,
      maxDiskGB: 1,
    });
    try {
      const { vocabulary } = engine.info.hyperparameters;
      const tooLarge = ids.find((id) => id >= vocabulary);
      if (tooLarge !== undefined) {
        throw new AppError(
          'invalid-input',
          `${file}: id ${tooLarge} is not below the vocabulary's ${vocabulary}.`,
          'Make the ids with `longleaf tokenize` and the same model.',
        );
      }
      const plan = loadPlan(choice.plan ?? 'dense', geometryOf(engine.info.hyperparameters));
      const flat = await engine.logits(Int32Array.from(ids), plan, last, interrupts.signal);
      output.json({
        logits: Array.from({ length: last }, (_, row) => [
          ...flat.subarray(row * vocabulary, (row + 1) * vocabulary),
        ]),
      });
    } finally {
      await engine.close();
    }
  },
};

async function readIds(file: string): Promise<readonly number[]> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new AppError('not-found', `${file} cannot be read: ${cause.message}.`, 'Check the path.', {
      cause,
    });
  });
  try {
    const parsed = v.safeParse(idList, JSON.parse(text));
    if (parsed.success) return parsed.output;
  } catch {
    // said below
  }
  throw new AppError(
    'invalid-input',
    `${file} is not a JSON array of token ids.`,
    'Make one with `longleaf tokenize`.',
  );
}
