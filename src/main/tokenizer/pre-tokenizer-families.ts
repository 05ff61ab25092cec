/**
 * The patterns of the pre-tokenizers: those of the models' tokenizer.json files, arranged as llama.cpp applies them
 * (llama-vocab.cpp). Characters beyond ASCII are escaped: typed out, some are changed by tools that normalise text.
 */

/** Pre-tokenizers that cut alike. */
export interface Family {
  /** values of `tokenizer.ggml.pre` */
  readonly names: readonly string[];
  /** the first cuts the text into matches and what lies between, the next one each of those pieces, and so on */
  readonly patterns: readonly string[];
  /** a word that is a token as a whole is taken without merging */
  readonly wholeWords?: boolean;
  /** BOS is added by default */
  readonly addBos?: boolean;
}

export const gpt2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`;
const contractions = String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`;
const tail = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const lead = String.raw`[^\r\n\p{L}\p{N}]?`;
const word = String.raw`${lead}\p{L}+`;
const signs = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`;
const signsOrSlashes = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`;
const llama3 = String.raw`${contractions}|${word}|\p{N}{1,3}|${signs}|${tail}`;
const qwen2 = String.raw`${contractions}|${word}|\p{N}|${signs}|${tail}`;

const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
/** words of gpt-4o, cut before capitals */
const caseWords = String.raw`${lead}${upper}*${lower}+${contractions}?|${lead}${upper}+${lower}*${contractions}?`;
const gpt4o = String.raw`${caseWords}|\p{N}{1,3}|${signsOrSlashes}|${tail}`;
/** gpt-4o's with Chinese characters apart */
const notHan = (set: string): string => String.raw`(?:(?!\p{Script=Han})${set})`;
const kimiUpper = notHan(upper);
const kimiLower = notHan(lower);

/** digits in threes, counted from the right */
const threes = String.raw`\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))`;
const ideographsAndHangul = String.raw`[\u{4E00}-\u{9FA5}\u{800}-\u{4E00}\u{AC00}-\u{D7FF}]+`;
const ideographsAndKana = String.raw`[\u{4E00}-\u{9FA5}\u{3040}-\u{309F}\u{30A0}-\u{30FF}]+`;
/** words of DeepSeek V3 */
const deepseek3 =
  String.raw`[!"#$%&'()*+,\-.\/:;<=>?@\[\\\]^_\x60{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|` +
  String.raw` ?[\p{P}\p{S}]+[\r\n]*|${tail}`;
const bloom = String.raw` ?[^(\s|.,!?\u{2026}\u{3002}\u{FF0C}\u{3001}\u{964}\u{6D4}\u{60C})]+`;

/** letters with case, as listed in DeepSeek's tokenizer.json (Latin, Greek, Cyrillic, Armenian, Georgian, …) */
const casedLetters = [
  String.raw`A-Za-z\u{B5}\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{1BA}\u{1BC}-\u{1BF}\u{1C4}-\u{293}\u{295}-`,
  String.raw`\u{2AF}\u{370}-\u{373}\u{376}\u{377}\u{37B}-\u{37D}\u{37F}\u{386}\u{388}-\u{38A}\u{38C}\u{38E}-`,
  String.raw`\u{3A1}\u{3A3}-\u{3F5}\u{3F7}-\u{481}\u{48A}-\u{52F}\u{531}-\u{556}\u{10A0}-\u{10C5}\u{13A0}-`,
  String.raw`\u{13F5}\u{13F8}-\u{13FD}\u{1C90}-\u{1CBA}\u{1CBD}-\u{1CBF}\u{1D00}-\u{1D2B}\u{1D6B}-\u{1D77}`,
  String.raw`\u{1D79}-\u{1D9A}\u{1E00}-\u{1F15}\u{1F18}-\u{1F1D}\u{1F20}-\u{1F45}\u{1F48}-\u{1F4D}\u{1F50}-`,
  String.raw`\u{1F57}\u{1F59}\u{1F5B}\u{1F5D}\u{1F5F}-\u{1F7D}\u{1F80}-\u{1FB4}\u{1FB6}-\u{1FBC}\u{1FBE}`,
  String.raw`\u{1FC2}-\u{1FC4}\u{1FC6}-\u{1FCC}\u{1FD0}-\u{1FD3}\u{1FD6}-\u{1FDB}\u{1FE0}-\u{1FEC}\u{1FF2}-`,
  String.raw`\u{1FF4}\u{1FF6}-\u{1FFC}\u{2102}\u{2107}\u{210A}-\u{2113}\u{2115}\u{2119}-\u{211D}\u{2124}`,
  String.raw`\u{2126}\u{2128}\u{212A}-\u{212D}\u{212F}-\u{2134}\u{2139}\u{213C}-\u{213F}\u{2145}-\u{2149}`,
  String.raw`\u{214E}\u{2183}\u{2184}\u{2C00}-\u{2C7B}\u{2C7E}-\u{2CE4}\u{2CEB}-\u{2CEE}\u{2CF2}\u{2CF3}`,
  String.raw`\u{A640}-\u{A66D}\u{A680}-\u{A69B}\u{A722}-\u{A76F}\u{A771}-\u{A787}\u{A78B}-\u{A78E}\u{AB70}-`,
  String.raw`\u{ABBF}\u{FB00}-\u{FB06}\u{FB13}-\u{FB17}\u{FF21}-\u{FF3A}\u{FF41}-\u{FF5A}\u{10400}-\u{1044F}`,
  String.raw`\u{104B0}-\u{104D3}\u{104D8}-\u{104FB}\u{10C80}-\u{10CB2}\u{10CC0}-\u{10CF2}\u{118A0}-\u{118DF}`,
  String.raw`\u{1E900}-\u{1E943}`,
].join('');

export const families: readonly Family[] = [
  {
    // for files that name none
    names: ['default'],
    patterns: [String.raw`[\p{P}$+<=>\^~\|]+`, gpt2, String.raw`\p{N}+`, '[0-9][0-9][0-9]'],
  },
  {
    names: [
      'gpt-2',
      'phi-2',
      'roberta-bpe',
      'jina-v1-en',
      'jina-v2-code',
      'jina-es',
      'jina-de',
      'jina-v2-es',
      'jina-v2-de',
      'mpt',
      'olmo',
      'jais',
      'trillion',
      'gigachat',
      'mellum',
      'exaone4',
      'a.x-4.0',
      'modern-bert',
      'granite-docling',
    ],
    patterns: [gpt2],
  },
  {
    names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'],
    patterns: [String.raw`\p{N}`, gpt2],
  },
  {
    names: [
      'llama3',
      'llama-v3',
      'llama-bpe',
      'falcon3',
      'falcon-h1',
      'pixtral',
      'midm-2.0',
      'lfm2',
      'jina-v5-nano',
    ],
    patterns: [llama3],
    wholeWords: true,
    addBos: true,
  },
  { names: ['dbrx', 'smaug-bpe', 'glm4', 'chatglm-bpe'], patterns: [llama3] },
  {
    names: ['minicpm5'],
    patterns: [String.raw`\p{N}{1,3}`, llama3.replace(String.raw`\p{N}{1,3}`, String.raw`\p{N}+`)],
    wholeWords: true,
  },
  {
    names: ['jais-2'],
    patterns: [
      llama3.replace(
        String.raw`|\s+(?!\S)|\s+`,
        [512, 256, 128, 64, 32, 16, 8, 4, '1,2'].map((count) => String.raw`|\s{${count}}(?!\S)`).join('') +
          String.raw`|\s{1}`,
      ),
    ],
  },
  {
    names: [
      'qwen2',
      'stablelm2',
      'hunyuan',
      'deepseek-r1-qwen',
      'megrez',
      'grok-2',
      'kormo',
      'f2llmv2',
      'solar-open',
    ],
    patterns: [qwen2],
  },
  { names: ['laguna'], patterns: [String.raw`[^\n]+|[\n]+`, qwen2] },
  {
    names: ['bailingmoe', 'bailingmoe2', 'llada-moe'],
    patterns: [
      String.raw`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|${word}|\p{N}|${signs}|\s*[\r\n]|\s+(?!\S)|\s+`,
    ],
  },
  {
    names: ['seed-coder'],
    patterns: [String.raw`${contractions}|${word}|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|${tail}`],
  },
  {
    names: ['exaone-moe'],
    patterns: [
      String.raw`${contractions}|${lead}(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`,
    ],
  },
  {
    names: ['qwen35'],
    patterns: [String.raw`${contractions}|${lead}[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${tail}`],
  },
  {
    names: ['deepseek-coder'],
    patterns: [
      String.raw`[\r\n]`,
      String.raw`\s?\p{L}+`,
      String.raw`\s?\p{P}+`,
      ideographsAndHangul,
      String.raw`\p{N}`,
    ],
  },
  {
    names: ['deepseek-llm'],
    patterns: [
      String.raw`[\r\n]`,
      String.raw`\s?[${casedLetters}]+`,
      String.raw`\s?[!-\/:-~\u{FF01}-\u{FF0F}\u{FF1A}-\u{FF5E}\u{2018}-\u{201F}\u{3000}-\u{3002}]+`,
      String.raw`\s+$`,
      ideographsAndHangul,
      String.raw`\p{N}+`,
    ],
  },
  {
    names: ['deepseek-v3', 'deepseek3', 'hunyuan-dense', 'joyai-llm'],
    patterns: [String.raw`\p{N}{1,3}`, ideographsAndKana, deepseek3],
  },
  {
    names: ['afmoe'],
    patterns: [
      threes,
      String.raw`[\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{F900}-\u{FAFF}\u{3040}-\u{309F}\u{30A0}-\u{30FF}\u{FF65}-\u{FF9F}` +
        String.raw`\u{2F00}-\u{2FDF}\u{E40}-\u{E7F}\u{E80}-\u{EFF}\u{1780}-\u{17FF}\u{1000}-\u{109F}\u{AA60}-\u{AA7F}` +
        String.raw`\u{A9E0}-\u{A9FF}\u{AC00}-\u{D7AF}\u{1100}-\u{11FF}]+`,
      deepseek3,
    ],
  },
  {
    names: ['youtu'],
    patterns: [
      String.raw`[\u{AC00}-\u{D7A3}\u{3131}-\u{318E}]+|` +
        String.raw`[\u{FF01}\u{2026}\u{201C}\u{201D}\u{2018}\u{2019}\u{2014}\u{FF1A}\u{FF1B}\u{FF0C}\u{3001}-\u{303F}\u{FE30}-\u{FE4F}]+|` +
        String.raw`[\u{3105}-\u{312F}]+|${ideographsAndKana}`,
      String.raw`${caseWords}|\p{N}|${signsOrSlashes}|${tail}`,
    ],
    wholeWords: true,
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
  { names: ['gpt-4o', 'llama4', 'kanana2', 'talkie', 'minimax-m2'], patterns: [gpt4o] },
  { names: ['granite-embed-multi-97m'], patterns: [gpt4o], wholeWords: true },
  { names: ['tiny_aya', 'cohere2moe'], patterns: [threes, gpt4o] },
  {
    names: ['kimi-k2'],
    patterns: [
      String.raw`\p{Script=Han}+|${lead}${kimiUpper}*${kimiLower}+${contractions}?|` +
        String.raw`${lead}${kimiUpper}+${kimiLower}*${contractions}?|\p{N}{1,3}|${signs}|${tail}`,
    ],
  },
  { names: ['superbpe'], patterns: [String.raw`\p{N}+`, threes] },
  { names: ['poro-chat', 'bloom', 'gpt3-finnish'], patterns: [bloom] },
  { names: ['viking'], patterns: [bloom, String.raw`\p{N}`] },
  {
    names: ['chameleon'],
    patterns: [
      '<sentinel:[0-9]+>',
      '(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z',
      String.raw`([\t\n]|    |  )`,
      String.raw`\p{N}`,
      String.raw`[\p{P}!-\/:-@\[-\x60{-~]`,
      gpt2,
    ],
    addBos: true,
  },
];
