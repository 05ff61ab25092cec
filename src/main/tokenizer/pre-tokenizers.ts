/**
 * Pre-tokenizers of byte-level BPE: how a text is cut into words before merging, by `tokenizer.ggml.pre`. The
 * patterns are those of the models' tokenizer.json files, arranged as llama.cpp applies them (llama-vocab.cpp): the
 * first pattern cuts the text into its matches and what lies between them, the next one each of those pieces, and so
 * on. `\s` means Unicode's White_Space, as there; JavaScript's own differs in U+0085 and U+FEFF.
 */
export interface PreTokenizer {
  readonly patterns: readonly RegExp[];
  /** a word that is a token as a whole is taken without merging */
  readonly wholeWords: boolean;
  /** BOS is added by default */
  readonly addBos: boolean;
}

const gpt2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`;
const contractions = String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`;
const tail = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const word = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const signs = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`;
const llama3 = String.raw`${contractions}|${word}|\p{N}{1,3}|${signs}|${tail}`;
const qwen2 = String.raw`${contractions}|${word}|\p{N}|${signs}|${tail}`;
const cjk = String.raw`[一-龥ࠀ-一가-퟿]+`;
const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const lead = String.raw`[^\r\n\p{L}\p{N}]?`;
const signsOrSlashes = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`;

/** letters with case, as listed in DeepSeek's tokenizer.json (Latin, Greek, Cyrillic, Armenian, Georgian, …) */
const casedLetters = String.raw`[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]`;

interface Family {
  readonly names: readonly string[];
  readonly patterns: readonly string[];
  readonly wholeWords?: boolean;
  readonly addBos?: boolean;
}

/** for files that name none, and `default` */
const fallback: Family = {
  names: ['default'],
  patterns: [String.raw`[\p{P}$+<=>\^~\|]+`, gpt2, String.raw`\p{N}+`, '[0-9][0-9][0-9]'],
};

const families: readonly Family[] = [
  fallback,
  {
    names: [
      'gpt-2',
      'phi-2',
      'roberta-bpe',
      'mpt',
      'olmo',
      'jais',
      'trillion',
      'gigachat',
      'mellum',
      'exaone4',
    ],
    patterns: [gpt2],
  },
  {
    names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b'],
    patterns: [String.raw`\p{N}`, gpt2],
  },
  {
    names: ['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
    patterns: [llama3],
    wholeWords: true,
    addBos: true,
  },
  { names: ['dbrx', 'smaug-bpe', 'glm4', 'chatglm-bpe'], patterns: [llama3] },
  { names: ['qwen2', 'stablelm2', 'hunyuan', 'deepseek-r1-qwen', 'megrez', 'grok-2'], patterns: [qwen2] },
  {
    names: ['qwen35'],
    patterns: [
      String.raw`${contractions}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${tail}`,
    ],
  },
  {
    names: ['deepseek-coder'],
    patterns: [String.raw`[\r\n]`, String.raw`\s?\p{L}+`, String.raw`\s?\p{P}+`, cjk, String.raw`\p{N}`],
  },
  {
    names: ['deepseek-llm'],
    patterns: [
      String.raw`[\r\n]`,
      String.raw`\s?${casedLetters}+`,
      String.raw`\s?[!-\/:-~！-／：-～‘-‟\u3000-。]+`,
      String.raw`\s+$`,
      cjk,
      String.raw`\p{N}+`,
    ],
  },
  {
    names: ['deepseek-v3', 'deepseek3', 'hunyuan-dense'],
    patterns: [
      String.raw`\p{N}{1,3}`,
      '[一-龥぀-ゟ゠-ヿ]+',
      String.raw`[!"#$%&'()*+,\-.\/:;<=>?@\[\\\]^_\x60{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${tail}`,
    ],
  },
  {
    names: ['falcon'],
    patterns: [String.raw`[\p{P}$+<=>\^~\|\x60]+`, gpt2, '[0-9][0-9][0-9]'],
  },
  {
    names: ['tekken'],
    patterns: [
      String.raw`${lead}${upper}*${lower}+|${lead}${upper}+${lower}*|\p{N}|${signsOrSlashes}|${tail}`,
    ],
    wholeWords: true,
    addBos: true,
  },
  {
    names: ['gpt-4o', 'llama4'],
    patterns: [
      String.raw`${lead}${upper}*${lower}+${contractions}?|${lead}${upper}+${lower}*${contractions}?|\p{N}{1,3}|${signsOrSlashes}|${tail}`,
    ],
  },
];

const byName = new Map(families.flatMap((family) => family.names.map((name) => [name, family])));

/** names that are supported, for messages */
export const preTokenizerNames: readonly string[] = [...byName.keys()].toSorted();

/** @returns undefined for an unknown name */
export function preTokenizer(name: string): PreTokenizer | undefined {
  const family = byName.get(name);
  if (family === undefined) return undefined;
  return {
    patterns: family.patterns.map(compile),
    wholeWords: family.wholeWords ?? false,
    addBos: family.addBos ?? false,
  };
}

function compile(pattern: string): RegExp {
  const source = pattern.replaceAll(String.raw`\s`, String.raw`\p{White_Space}`);
  return new RegExp(source.replaceAll(String.raw`\S`, String.raw`\P{White_Space}`), 'gu');
}
