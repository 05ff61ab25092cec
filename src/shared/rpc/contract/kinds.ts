/** What a method of the contract is, and the schemas that several methods share. */
import * as v from 'valibot';
import type { ConversationId, FolderId, MessageId } from '../../model/index.ts';

type ObjectSchema = v.GenericSchema<unknown, object>;

export interface Unary<Args extends ObjectSchema, Result> {
  readonly kind: 'unary';
  readonly args: Args;
  /** type only */
  readonly result?: Result;
}

export interface Stream<Args extends ObjectSchema, Item> {
  readonly kind: 'stream';
  readonly args: Args;
  /** ends when the caller or the server leaves, never by itself: nobody waits for its end */
  readonly endless?: true;
  /** type only */
  readonly item?: Item;
}

export function unary<Result>(): <Args extends ObjectSchema>(args: Args) => Unary<Args, Result> {
  return (args) => ({ kind: 'unary', args });
}

export function stream<Item>(): <Args extends ObjectSchema>(args: Args) => Stream<Args, Item> {
  return (args) => ({ kind: 'stream', args });
}

/** A stream that tells what happens for as long as somebody listens. */
export function subscription<Item>(): <Args extends ObjectSchema>(args: Args) => Stream<Args, Item> {
  return (args) => ({ kind: 'stream', args, endless: true });
}

export const nothing = v.strictObject({});
export const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
export const text = v.pipe(v.string(), v.maxLength(10_000_000));
/** absolute: relative paths are resolved by the process in whose folder they mean something */
export const path = v.pipe(v.string(), v.minLength(1), v.maxLength(32_768));
export const paths = v.pipe(v.array(path), v.minLength(1), v.maxLength(10_000));

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
export const conversationId = v.pipe(
  id,
  v.transform((value) => value as ConversationId),
);
export const messageId = v.pipe(
  id,
  v.transform((value) => value as MessageId),
);
export const folderId = v.pipe(
  id,
  v.transform((value) => value as FolderId),
);

export const integer = (low: number, high: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));

/** a page of a list */
export const page = { limit: v.optional(integer(1, 10_000)), offset: v.optional(integer(0, 1e9)) };

/** Which engine answers. Absent = the owner's default. */
export const engineChoice = {
  /** id of an installed model, or absolute path of a GGUF */
  model: v.optional(path),
  /** absolute path of a LoRA adapter for the model */
  adapter: v.optional(path),
  /** name of a preset, absolute path of a plan file, or a plan (resources/plan.schema.json) */
  plan: v.optional(v.union([path, v.record(v.string(), v.unknown())])),
  backend: v.optional(v.picklist(['auto', 'cpu', 'webgpu', 'reference'])),
  /** part of the name of a graphics adapter */
  device: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
  /** epoch ms at which the process that the user started began: timings count from there */
  startedAt: v.optional(v.pipe(v.number(), v.minValue(0))),
};

export const sampling = v.strictObject({
  temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  topK: v.optional(integer(0, 1_000_000)),
  topP: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  minP: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  repetitionPenalty: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(10))),
  repetitionWindow: v.optional(integer(0, 1_000_000)),
  seed: v.optional(integer(0, 0xffff_ffff)),
  maxTokens: v.optional(integer(1, 1_000_000)),
});
