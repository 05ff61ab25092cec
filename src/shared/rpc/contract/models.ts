import * as v from 'valibot';
import type { ModelEvent, ModelSummary, ModelVerifyEvent, PartialModel } from '../reports.ts';
import { nothing, path, stream, unary } from './kinds.ts';

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(300));

export const modelMethods = {
  'models.list': unary<readonly ModelSummary[]>()(nothing),
  /** checks the file, then copies it into the data folder, or links to it there */
  'models.import': stream<ModelEvent>()(
    v.strictObject({ file: path, as: v.optional(v.picklist(['copy', 'link'])) }),
  ),
  /** a model of resources/models.json; goes to the network, so it is only ever the user's click */
  'models.download': stream<ModelEvent>()(v.strictObject({ id })),
  /** any GGUF by its address; goes to the network */
  'models.fetch': stream<ModelEvent>()(
    v.strictObject({
      url: v.pipe(v.string(), v.maxLength(4_000)),
      sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/i), v.toLowerCase())),
    }),
  ),
  /** downloads that were interrupted; the same download again goes on from there */
  'models.partial': unary<readonly PartialModel[]>()(nothing),
  /** what has come of an interrupted download is deleted */
  'models.discard': unary<{ readonly discarded: true }>()(v.strictObject({ file: id })),
  /** every number and the hash, against what they were when the model came */
  'models.verify': stream<ModelVerifyEvent>()(v.strictObject({ id })),
  /** a few seconds with the model that answers by default; the speed of the others is estimated from it */
  'models.measure': unary<readonly ModelSummary[]>()(nothing),
  /** the file, or the link and never what it points to */
  'models.remove': unary<{ readonly removed: true }>()(v.strictObject({ id })),
} as const;
