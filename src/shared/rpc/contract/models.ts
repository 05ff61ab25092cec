import * as v from 'valibot';
import type { ModelEvent, ModelSummary } from '../reports.ts';
import { nothing, path, stream, unary } from './kinds.ts';

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(300));

export const modelMethods = {
  'models.list': unary<readonly ModelSummary[]>()(nothing),
  /** checks the file, then copies it into the data folder */
  'models.import': stream<ModelEvent>()(v.strictObject({ file: path })),
  /** a model of resources/models.json; goes to the network, so it is only ever the user's click */
  'models.download': stream<ModelEvent>()(v.strictObject({ id })),
  'models.remove': unary<{ readonly removed: true }>()(v.strictObject({ id })),
} as const;
