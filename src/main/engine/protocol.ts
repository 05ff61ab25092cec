/**
 * What the core and the engine process say to each other over Node's IPC channel (serialization 'advanced', so
 * typed arrays travel as bytes). The core sends calls and cancels; the process answers each call with any number
 * of items and then one ok or err. The process checks what it gets; it is started by the core and trusted by it.
 */
import * as v from 'valibot';
import type { WireError } from '../../shared/errors.ts';
import type {
  EngineInfo,
  GeneratedToken,
  GenerateRequest,
  OpenRequest,
  OpenResult,
  PrefillResult,
  Priority,
  StateHandle,
  StoredState,
} from './engine.ts';
import { planSchema } from './plan/schema.ts';
import type { AttentionPlan } from './plan/types.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const positive = v.pipe(count, v.minValue(1));
const ids = v.instance(Int32Array);
const priority = v.picklist(['chat', 'reading']);
const state = positive;
const label = v.pipe(v.string(), v.minLength(1), v.maxLength(1000));

const sampling = v.object({
  temperature: v.pipe(v.number(), v.minValue(0), v.maxValue(2)),
  topK: count,
  topP: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  minP: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
  repetitionPenalty: v.pipe(v.number(), v.gtValue(0), v.maxValue(10)),
  repetitionWindow: count,
  seed: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(Number.MIN_SAFE_INTEGER),
    v.maxValue(Number.MAX_SAFE_INTEGER),
  ),
  maxTokens: count,
});

/** What `Arguments` says, checked. */
export const argumentSchemas = {
  open: v.object({ plan: planSchema, ids, useStored: v.exactOptional(v.boolean()) }),
  prefill: v.object({ state, ids, priority }),
  generate: v.object({
    state,
    sampling,
    stop: v.array(v.pipe(v.number(), v.integer())),
    priority,
    drafts: v.exactOptional(v.boolean()),
  }),
  score: v.object({ state, ids, priority }),
  logits: v.object({ ids, plan: planSchema, last: positive }),
  openSynthetic: v.object({ plan: planSchema, position: positive, seed: count }),
  fork: v.object({ state }),
  release: v.object({ state }),
  snapshot: v.object({ state, label }),
  stored: v.object({ label: v.exactOptional(label) }),
  findStored: v.object({ plan: planSchema, ids }),
  removeStored: v.object({ label }),
  memory: v.object({}),
  close: v.object({}),
} satisfies { [M in keyof Arguments]: v.GenericSchema<unknown, Arguments[M]> };

export type Method = keyof Arguments;

export interface Arguments {
  readonly open: OpenRequest;
  readonly prefill: { readonly state: StateHandle; readonly ids: Int32Array; readonly priority: Priority };
  readonly generate: GenerateRequest;
  readonly score: { readonly state: StateHandle; readonly ids: Int32Array; readonly priority: Priority };
  readonly logits: { readonly ids: Int32Array; readonly plan: AttentionPlan; readonly last: number };
  readonly openSynthetic: { readonly plan: AttentionPlan; readonly position: number; readonly seed: number };
  readonly fork: { readonly state: StateHandle };
  readonly release: { readonly state: StateHandle };
  readonly snapshot: { readonly state: StateHandle; readonly label: string };
  readonly stored: { readonly label?: string };
  readonly findStored: { readonly plan: AttentionPlan; readonly ids: Int32Array };
  readonly removeStored: { readonly label: string };
  readonly memory: object;
  readonly close: object;
}

export interface Results {
  readonly open: OpenResult;
  readonly prefill: PrefillResult;
  readonly generate: undefined;
  readonly score: { logProbabilities: Float32Array; greedy: Uint8Array };
  readonly logits: undefined;
  readonly openSynthetic: StateHandle;
  readonly fork: StateHandle;
  readonly release: undefined;
  readonly snapshot: StoredState;
  readonly stored: readonly StoredState[];
  readonly findStored: number;
  readonly removeStored: number;
  readonly memory: { resident: number; peakResident: number };
  readonly close: undefined;
}

/** Items before the result. */
export interface Items {
  readonly prefill: { readonly done: number } | { readonly place: number };
  readonly generate: GeneratedToken;
  /** whole rows, in order */
  readonly logits: Float32Array;
}
export type ItemOf<M extends Method> = M extends keyof Items ? Items[M] : never;

export const requestSchema = v.variant('type', [
  v.object({
    type: v.literal('call'),
    id: positive,
    method: v.picklist(Object.keys(argumentSchemas) as Method[]),
    arguments: v.unknown(),
  }),
  v.object({ type: v.literal('cancel'), id: positive }),
]);
export type Request = v.InferOutput<typeof requestSchema>;

export type Reply =
  | { readonly type: 'ready'; readonly info: EngineInfo }
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'note'; readonly note: string }
  | { readonly type: 'item'; readonly id: number; readonly value: unknown }
  | { readonly type: 'ok'; readonly id: number; readonly value: unknown }
  | { readonly type: 'err'; readonly id: number; readonly error: WireError };

/** How the process is started: one JSON object as its only argument. */
export const startSchema = v.object({
  modelPath: v.string(),
  /** LoRA adapter in a GGUF, merged where weights are read */
  adapterPath: v.exactOptional(v.string()),
  modelHash: v.string(),
  backend: v.picklist(['auto', 'cpu', 'webgpu', 'reference']),
  /** part of the name of a graphics adapter, or of several that share the work, with commas; absent: LONGLEAF_GPU, else the one that the driver prefers */
  device: v.exactOptional(v.string()),
  /** of the processor; absent: as was measured */
  threads: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))),
  /** why `auto` has come to mean this backend */
  autoReason: v.exactOptional(v.string()),
  /** where state.db lies; null: nothing is stored */
  dataFolder: v.nullable(v.string()),
  maxMemoryMB: v.pipe(v.number(), v.gtValue(0)),
  maxDiskGB: v.pipe(v.number(), v.gtValue(0)),
  /** rows of the largest chunk; the backend's own choice when absent */
  maxRows: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096))),
});
export type StartOptions = v.InferOutput<typeof startSchema>;
