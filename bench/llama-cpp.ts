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
  /**
   * Logits after each id, f32 [ids.length][vocabulary], from an empty context, each row with mean 0: node-llama-cpp
   * hands out probabilities, which know logits up to a constant.
   */
  logits(ids: ArrayLike<number>): Promise<Float32Array>;
  /** log P(id_i | ids before it), natural log; entry 0 is NaN. From an empty context. */
  logProbabilities(ids: ArrayLike<number>): Promise<Float64Array>;
  /** ms to read `ids` into an empty context, with the last id's token sampled */
  prefill(ids: ArrayLike<number>): Promise<number>;
  /** ms to read `ids` after what has been read, with the last id's token sampled */
  readOn(ids: ArrayLike<number>): Promise<number>;
  /** ms to generate `count` tokens greedily after what has been read, one at a time */
  decode(count: number): Promise<number>;
  /** Forgets all that was read after the first `length` tokens. */
  backTo(length: number): Promise<void>;
  /** Writes what was read, its keys and values, to a file. @returns its bytes */
  save(file: string): Promise<number>;
  /** ms to take what `save` wrote into an empty context */
  restore(file: string): Promise<number>;
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
    readOn: (ids) => readOn(sequence, ids),
    decode: (count) => decode(sequence, count),
    backTo: (length) =>
      sequence.eraseContextTokenRanges([{ start: length, end: sequence.contextTokens.length }]),
    save: async (file) => (await sequence.saveStateToFile(file)).fileSize,
    restore: (file) => restore(sequence, file),
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
  await forEachDistribution(sequence, ids, (index, probabilities) => {
    const row = logits.subarray(index * vocabulary, (index + 1) * vocabulary);
    for (const [token, probability] of probabilities) row[token] = Math.log(probability);
    const mean = row.reduce((sum, value) => sum + value, 0) / vocabulary;
    for (let i = 0; i < vocabulary; i++) row[i] = (row[i] ?? NaN) - mean;
  });
  return logits;
}

async function logProbabilities(
  sequence: LlamaContextSequence,
  ids: ArrayLike<number>,
): Promise<Float64Array> {
  const result = new Float64Array(ids.length).fill(NaN);
  await forEachDistribution(sequence, ids, (index, probabilities) => {
    const following = ids[index + 1];
    if (following === undefined) return;
    // They are f32 and add up to 1 within 2e-4.
    let sum = 0;
    for (const probability of probabilities.values()) sum += probability;
    result[index + 1] = Math.log((probabilities.get(following as Token) ?? NaN) / sum);
  });
  if (result.subarray(1).some(Number.isNaN)) throw new Error('llama.cpp left out a log-probability.');
  return result;
}

/** The model's own distribution: no sampling option changes it. */
const plainSampling = { temperature: 1, minP: 0, topK: 0, topP: 1 } as const;

/** Calls `use` with the distribution of the token after each id, read from an empty context. */
async function forEachDistribution(
  sequence: LlamaContextSequence,
  ids: ArrayLike<number>,
  use: (index: number, probabilities: ReadonlyMap<Token, number>) => void,
): Promise<void> {
  await sequence.clearHistory();
  // A distribution is a Map of the whole vocabulary: few of them at a time.
  const together = 32;
  const tokens = tokensOf(ids);
  for (let start = 0; start < tokens.length; start += together) {
    const part = tokens.slice(start, start + together);
    const results = await sequence.controlledEvaluate(
      part.map((token): ControlledInput => [
        token,
        { generateNext: { probabilities: true, options: plainSampling } },
      ]),
    );
    part.forEach((_, index) => {
      const probabilities = results[index]?.next.probabilities;
      if (probabilities === undefined) throw new Error('llama.cpp left out the distribution of a position.');
      use(start + index, probabilities);
    });
  }
}

async function prefill(sequence: LlamaContextSequence, ids: ArrayLike<number>): Promise<number> {
  await sequence.clearHistory();
  return readOn(sequence, ids);
}

async function readOn(sequence: LlamaContextSequence, ids: ArrayLike<number>): Promise<number> {
  const tokens = tokensOf(ids);
  const last = tokens.at(-1);
  if (last === undefined) return 0;
  const start = performance.now();
  await sequence.controlledEvaluate([...tokens.slice(0, -1), [last, { generateNext: { token: true } }]]);
  return performance.now() - start;
}

async function restore(sequence: LlamaContextSequence, file: string): Promise<number> {
  await sequence.clearHistory();
  const start = performance.now();
  // The risk is a file that somebody else wrote; this one is our own.
  await sequence.loadStateFromFile(file, { acceptRisk: true });
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

function tokensOf(ids: ArrayLike<number>): Token[] {
  // node-llama-cpp brands its token ids; ours are plain numbers of the same vocabulary.
  return Array.from(ids, (id) => id as Token);
}
