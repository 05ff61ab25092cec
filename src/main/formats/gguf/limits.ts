/**
 * What a header may ask for. Every figure is above what real models need (gemma 3 has 262,144 tokens, gpt-oss
 * 201,088 tokens and 446,189 merges: headers of about 12 MB; the largest mixtures of experts list a few thousand
 * tensors) and low enough that no header costs more than 64 MB or a second.
 */
export const limits = {
  /** bytes of metadata and tensor list together */
  headerBytes: 24 * 2 ** 20,
  metadataEntries: 65_536,
  tensors: 65_536,
  /** bytes of a metadata key (GGUF specification: at most 2^16 - 1) */
  keyBytes: 65_535,
  /** bytes of a tensor name (GGUF specification: at most 64) */
  tensorNameBytes: 64,
  /** strings in all arrays of one file */
  arrayStrings: 1_000_000,
  /** general.alignment, bytes */
  alignment: 65_536,
  dimensions: 4,
} as const;
