/**
 * Every use case of the app, once: name, kind, arguments (validated at the door), result. Client, server and
 * handlers are typed from this object, so terminal, window and web page cannot drift apart.
 */
import type * as v from 'valibot';
import { appMethods } from './contract/app.ts';
import { conversationMethods } from './contract/conversations.ts';
import type { Stream, Unary } from './contract/kinds.ts';
import { libraryMethods } from './contract/library.ts';
import { modelMethods } from './contract/models.ts';

export const contract = {
  ...appMethods,
  ...libraryMethods,
  ...conversationMethods,
  ...modelMethods,
} as const;

export type Contract = typeof contract;
export type Method = keyof Contract;
export type UnaryMethod = { [M in Method]: Contract[M] extends { kind: 'unary' } ? M : never }[Method];
export type StreamMethod = { [M in Method]: Contract[M] extends { kind: 'stream' } ? M : never }[Method];

/** what a caller passes */
export type ArgsInput<M extends Method> = v.InferInput<Contract[M]['args']>;
/** what a handler gets, validated */
export type Args<M extends Method> = v.InferOutput<Contract[M]['args']>;
export type Result<M extends UnaryMethod> = Contract[M] extends Unary<infer _Args, infer R> ? R : never;
export type Item<M extends StreamMethod> = Contract[M] extends Stream<infer _Args, infer I> ? I : never;

/** `signal` fires on cancel, on a closed connection and when the owner quits. */
export interface CallContext {
  readonly signal: AbortSignal;
}

/** What `createApp` returns: one handler per method. */
export type Handlers = {
  readonly [M in UnaryMethod]: (args: Args<M>, context: CallContext) => Promise<Result<M>>;
} & {
  readonly [M in StreamMethod]: (args: Args<M>, context: CallContext) => AsyncIterable<Item<M>>;
};
