/**
 * The architectures that we compute, as data: one forward pass serves them all, and what differs stands here or in
 * the file's metadata. Source: the graphs of llama.cpp (src/models/<name>.cpp), which the tests compare with.
 */

export interface Architecture {
  /** models that people know it by, for messages */
  readonly examples: string;
  /**
   * How RoPE pairs the dimensions of a head: (2i, 2i + 1), or (i, i + ropeDimensions / 2). We compute the first only;
   * rows of the second are reordered when they are read.
   */
  readonly ropeStyle: 'interleaved' | 'neox';
  readonly activation: 'silu' | 'gelu';
  /** embedding rows are multiplied by sqrt(embedding length) */
  readonly scaledEmbedding: boolean;
  /** RMSNorm of each head's query and key before RoPE */
  readonly qkNorm: boolean;
  /** RMSNorm of what attention and feed-forward give, before it is added */
  readonly postNorms: boolean;
  /** `ffn_up` holds gate and up, one below the other */
  readonly fusedGateUp: boolean;
  /** some layers see a sliding window only; every `period`-th one sees all. null: the metadata key is not read */
  readonly sliding: { readonly period: number; readonly ropeBase: number | null } | null;
  /** `attn_logit_softcapping` is read */
  readonly attentionSoftCap: boolean;
}

const plain: Architecture = {
  examples: '',
  ropeStyle: 'interleaved',
  activation: 'silu',
  scaledEmbedding: false,
  qkNorm: false,
  postNorms: false,
  fusedGateUp: false,
  sliding: null,
  attentionSoftCap: false,
};

const gemma = { ropeStyle: 'neox', activation: 'gelu', scaledEmbedding: true, postNorms: true } as const;

export const architectures = {
  llama: { ...plain, examples: 'SmolLM2, Llama 3, Mistral' },
  qwen2: { ...plain, examples: 'Qwen 2 and 2.5, DeepSeek R1 Distill', ropeStyle: 'neox' },
  qwen3: { ...plain, examples: 'Qwen 3', ropeStyle: 'neox', qkNorm: true },
  gemma2: {
    ...plain,
    ...gemma,
    examples: 'Gemma 2',
    sliding: { period: 2, ropeBase: null },
    attentionSoftCap: true,
  },
  gemma3: { ...plain, ...gemma, examples: 'Gemma 3', qkNorm: true, sliding: { period: 6, ropeBase: 10_000 } },
  phi3: { ...plain, examples: 'Phi 3, 3.5 and 4', ropeStyle: 'neox', fusedGateUp: true },
} satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

export const supportedArchitectures = Object.keys(architectures) as readonly ArchitectureName[];

export function isSupportedArchitecture(name: string): name is ArchitectureName {
  return Object.hasOwn(architectures, name);
}
