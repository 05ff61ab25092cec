/**
 * The dense part of a llama model, cut where attention stands between: what follows one layer's attention and
 * precedes the next one's is one graph. Shapes: `embedding` d, heads H, KV heads G, head dimension D.
 *
 *   entry     x [rows][d]                              -> qkv [rows][(H + 2G) D] of layer 0
 *   joint l   attention [rows][H D], residual [rows][d] -> qkv of layer l + 1, next [rows][d]
 *   exit      attention, residual of the last layer     -> hidden [rows][d], after the final norm
 *   head      hidden                                    -> logits [rows][vocabulary]
 *
 * Only the rows whose logits are wanted go through exit and head.
 */
import type { Hyperparameters } from '../runtime.ts';
import { GraphBuilder } from './graph-builder.ts';
import type { WeightMatrix } from './graph-builder.ts';

/** q | k | v: one matrix where their types agree, three where not. */
export interface AttentionInput {
  readonly norm: Float32Array;
  readonly projections: readonly WeightMatrix[];
}

/** From a layer's attention to its end. */
export interface FeedForward {
  readonly output: WeightMatrix;
  readonly norm: Float32Array;
  readonly gate: WeightMatrix;
  readonly up: WeightMatrix;
  readonly down: WeightMatrix;
}

type Sizes = Pick<
  Hyperparameters,
  'embedding' | 'heads' | 'kvHeads' | 'headDim' | 'rmsEpsilon' | 'vocabulary'
>;

/** columns of q | k | v */
export function qkvColumns(sizes: Pick<Sizes, 'heads' | 'kvHeads' | 'headDim'>): number {
  return (sizes.heads + 2 * sizes.kvHeads) * sizes.headDim;
}

export function entryGraph(sizes: Sizes, input: AttentionInput): Uint8Array {
  const graph = new GraphBuilder('entry');
  const x = graph.input('x', sizes.embedding);
  const normed = graph.rmsNorm(x, input.norm, sizes.rmsEpsilon);
  graph.output('qkv', graph.linears(normed, input.projections), qkvColumns(sizes));
  return graph.encode();
}

export function jointGraph(sizes: Sizes, layer: FeedForward, next: AttentionInput): Uint8Array {
  const graph = new GraphBuilder('joint');
  const { sum, normed } = feedForward(graph, sizes, layer, next.norm);
  graph.output('qkv', graph.linears(normed, next.projections), qkvColumns(sizes));
  graph.output('next', sum, sizes.embedding);
  return graph.encode();
}

export function exitGraph(sizes: Sizes, layer: FeedForward, finalNorm: Float32Array): Uint8Array {
  const graph = new GraphBuilder('exit');
  const { normed } = feedForward(graph, sizes, layer, finalNorm);
  graph.output('hidden', normed, sizes.embedding);
  return graph.encode();
}

export function headGraph(sizes: Sizes, head: WeightMatrix): Uint8Array {
  const graph = new GraphBuilder('head');
  const hidden = graph.input('hidden', sizes.embedding);
  graph.output('logits', graph.linear(hidden, head), sizes.vocabulary);
  return graph.encode();
}

/** Both residual additions of a layer, the second with the norm that follows it. */
function feedForward(
  graph: GraphBuilder,
  sizes: Sizes,
  layer: FeedForward,
  nextNorm: Float32Array,
): { sum: string; normed: string } {
  const attention = graph.input('attention', sizes.heads * sizes.headDim);
  const residual = graph.input('residual', sizes.embedding);
  const projected = graph.linear(attention, layer.output);
  const middle = graph.addThenRmsNorm(projected, residual, layer.norm, sizes.rmsEpsilon);
  const gate = graph.linear(middle.normed, layer.gate);
  const up = graph.linear(middle.normed, layer.up);
  const down = graph.linear(graph.swiGlu(gate, up), layer.down);
  return graph.addThenRmsNorm(down, middle.sum, nextNorm, sizes.rmsEpsilon);
}
