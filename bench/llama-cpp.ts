/**
 * llama.cpp (through node-llama-cpp, a dev dependency) on the same GGUF: what our logits, perplexity and speed are
 * held against. Heavy: run it in a process of its own (`llama-cpp-process.ts`).
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';

export interface LlamaCppOptions {
  /** tokens of the KV cache */
  readonly contextSize: number;
  readonly threads: number;
  /** tokens of one batch; default 512, llama.cpp's own */
  readonly batchSize?: number;
  /** default 'auto': llama.cpp chooses */
  readonly flashAttention?: boolean | 'auto';
}

export interface LlamaCpp {
  readonly vocabulary: number;
  /** logits after each id, f32 [ids.length][vocabulary], from an empty context */
  logits(ids: ArrayLike<number>): Promise<Float32Array>;
  /** log P(id_i | ids before it), natural log; entry 0 is NaN. From an empty context. */
  logProbabilities(ids: ArrayLike<number>): Promise<Float64Array>;
  /** ms to read `ids` into an empty context, with the last id's token sampled */
  prefill(ids: ArrayLike<number>): Promise<number>;
  /** ms to generate `count` tokens greedily after what has been read, one at a time */
  decode(count: number): Promise<number>;
  close(): Promise<void>;
}

export async function loadLlamaCpp(path: string, options: LlamaCppOptions): Promise<LlamaCpp> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: options.threads,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({
    contextSize: options.contextSize,
    batchSize: options.batchSize ?? 512,
    threads: options.threads,
    flashAttention: options.flashAttention ?? 'auto',
  });
  const sequence = context.getSequence();
  return {
    vocabulary: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
    logits: (ids) => allLogits(model, sequence, ids),
    logProbabilities: (ids) => logProbabilities(sequence, ids),
    prefill: (ids) => prefill(sequence, ids),
    decode: (count) => decode(sequence, count),
    close: () => llama.dispose(),
  };
}

async function allLogits(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  ids: ArrayLike<number>,
): Promise<Float32Array> {
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const logits = new Float32Array(ids.length * vocabulary);
  const seen = new Uint8Array(ids.length);
  await sequence.clearHistory();
  await evaluateAll(sequence, ids, { logits: true }, (index, result) => {
    const row = logits.subarray(index * vocabulary, (index + 1) * vocabulary);
    for (const [token, logit] of result.next.logits ?? []) row[token] = logit;
    seen[index] = 1;
  });
  if (seen.includes(0)) throw new Error('llama.cpp left out the logits of a position.');
  return logits;
}

async function logProbabilities(
  sequence: LlamaContextSequence,
  ids: ArrayLike<number>,
): Promise<Float64Array> {
  const result = new Float64Array(ids.length).fill(NaN);
  await sequence.clearHistory();
  const tokens = tokensOf(ids);
  const input = tokens.map((token, index): ControlledInput => {
    const next = tokens[index + 1];
    if (next === undefined) return token;
    // includeTop, for includeMax of node-llama-cpp 3.22 leaves the largest logit out
    const filter = { tokens: [next], includeTop: 1 };
    return [token, { generateNext: { logits: { filter }, totalLogitWeight: true } }];
  });
  await sequence.controlledEvaluate(input, {
    onTokenResult(index, { next }) {
      const following = tokens[index + 1];
      const logits = next.logits;
      if (following === undefined || logits === undefined || next.totalLogitWeight === undefined) return;
      const logit = logits.get(following);
      if (logit === undefined) return;
      result[index + 1] = logit - Math.max(...logits.values()) - Math.log(next.totalLogitWeight);
    },
  });
  if (result.subarray(1).some(Number.isNaN)) throw new Error('llama.cpp left out a log-probability.');
  return result;
}

async function prefill(sequence: LlamaContextSequence, ids: ArrayLike<number>): Promise<number> {
  await sequence.clearHistory();
  const tokens = tokensOf(ids);
  const last = tokens.at(-1);
  if (last === undefined) return 0;
  const start = performance.now();
  await sequence.controlledEvaluate([...tokens.slice(0, -1), [last, { generateNext: { token: true } }]]);
  return performance.now() - start;
}

async function decode(sequence: LlamaContextSequence, count: number): Promise<number> {
  let last = sequence.contextTokens.at(-1);
  if (last === undefined) throw new Error('Read something before generating.');
  const start = performance.now();
  for (let done = 0; done < count; done++) {
    const [result] = await sequence.controlledEvaluate([[last, { generateNext: { token: true } }]]);
    last = result?.next.token ?? last;
  }
  return performance.now() - start;
}

type ControlledInput = Parameters<LlamaContextSequence['controlledEvaluate']>[0][number];
type GenerateNext = Exclude<ControlledInput, Token>[1]['generateNext'];
type TokenResult = Parameters<
  NonNullable<NonNullable<Parameters<LlamaContextSequence['controlledEvaluate']>[1]>['onTokenResult']>
>[1];

async function evaluateAll(
  sequence: LlamaContextSequence,
  ids: ArrayLike<number>,
  generateNext: NonNullable<GenerateNext>,
  onResult: (index: number, result: TokenResult) => void,
): Promise<void> {
  // A result holds the whole vocabulary: few of them at a time.
  const together = 32;
  const tokens = tokensOf(ids);
  for (let start = 0; start < tokens.length; start += together) {
    const part = tokens.slice(start, start + together);
    await sequence.controlledEvaluate(
      part.map((token): ControlledInput => [token, { generateNext }]),
      {
        onTokenResult: (index, result) => {
          onResult(start + index, result);
        },
      },
    );
  }
}

function tokensOf(ids: ArrayLike<number>): Token[] {
  // node-llama-cpp brands its token ids; ours are plain numbers of the same vocabulary.
  return Array.from(ids, (id) => id as Token);
}
