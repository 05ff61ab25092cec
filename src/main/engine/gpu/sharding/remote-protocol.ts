/**
 * What an engine process and the process of another device say to each other over Node's IPC channel (serialization
 * 'advanced', so typed arrays travel as bytes): requests, and one answer to each.
 */
import * as v from 'valibot';
import type { WireError } from '../../../../shared/errors.ts';
import { arithmetics } from '../kernels/index.ts';
import type { ShardInfo } from './shard.ts';
import { shardMethods } from './shard.ts';

const positive = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER));

/** How the process is started: one JSON object as its only argument. */
export const remoteStartSchema = v.object({
  modelPath: v.string(),
  adapterPath: v.exactOptional(v.string()),
  /** where the findings of the adapter are kept; null: nowhere */
  dataFolder: v.nullable(v.string()),
  /** part of the adapter's name */
  device: v.string(),
  kvBits: v.exactOptional(v.picklist([8, 16])),
  /** bytes */
  memoryLimit: v.exactOptional(v.pipe(v.number(), v.gtValue(0))),
  subgroups: v.exactOptional(v.boolean()),
  arithmetic: v.picklist(arithmetics),
  /** for the outboxes of all devices */
  exchangeFolder: v.string(),
  /** which of the devices this one is */
  index: positive,
  /** tokens of the largest round */
  roundRows: positive,
});
export type RemoteStart = v.InferOutput<typeof remoteStartSchema>;

/** `parameters` are those of the method, from a parent that is trusted. */
export const remoteRequestSchema = v.object({
  id: positive,
  method: v.picklist(shardMethods),
  parameters: v.array(v.unknown()),
});
export type RemoteRequest = v.InferOutput<typeof remoteRequestSchema>;

export type RemoteReply =
  | { readonly type: 'ready'; readonly info: ShardInfo }
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'ok'; readonly id: number; readonly value: unknown }
  | { readonly type: 'err'; readonly id: number; readonly error: WireError };
