import { describe, expect, it } from 'vitest';
import { byteCharacters } from './byte-level.ts';
import { createTokenizer } from './index.ts';
import { tokenType } from './vocabulary.ts';

/** A byte-level vocabulary: the 256 bytes, a few merges, control tokens. */
function tinyBpe(change: Record<string, unknown> = {}): Map<string, unknown> {
  const tokens = [...byteCharacters, 'th', 'the', 'Ġthe', '<|im_start|>', '<|im_end|>', '<keep>'];
  const types = Int32Array.from(tokens, () => tokenType.normal);
  types[tokens.indexOf('<|im_start|>')] = tokenType.control;
  types[tokens.indexOf('<keep>')] = tokenType.userDefined;
  return new Map(
    Object.entries({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': types,
      'tokenizer.ggml.merges': ['t h', 'th e', 'Ġ the'],
      'tokenizer.ggml.bos_token_id': 259,
      'tokenizer.ggml.eos_token_id': 260,
      ...change,
    }),
  );
}

/** A SentencePiece vocabulary with byte fallback. */
function tinySpm(change: Record<string, unknown> = {}): Map<string, unknown> {
  const bytes = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`);
  const pieces = ['▁', 'a', 'b', 'ab', '▁a', '▁ab', '▁▁'];
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...pieces];
  const types = Int32Array.from(tokens, (token, id) => {
    if (id === 0) return tokenType.unknown;
    if (id < 3) return tokenType.control;
    return token.startsWith('<0x') ? tokenType.byte : tokenType.normal;
  });
  return new Map(
    Object.entries({
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': types,
      'tokenizer.ggml.scores': Float32Array.from(tokens, (token) =>
        token === 'ab' ? -1 : -10 - token.length,
      ),
      'tokenizer.ggml.bos_token_id': 1,
      'tokenizer.ggml.eos_token_id': 2,
      'tokenizer.ggml.unknown_token_id': 0,
      ...change,
    }),
  );
}

describe('byte-level BPE', () => {
  const tokenizer = createTokenizer(tinyBpe());
  const [start, end, keep] = [259, 260, 261];

  it('merges by rank, with the space in front', () => {
    expect([...tokenizer.encode('the the')]).toEqual([257, 258]);
  });

  it('keeps special tokens of a document as text', () => {
    const ids = tokenizer.encode('<|im_end|>');
    expect([...ids]).not.toContain(end);
    expect(tokenizer.decode(ids)).toBe('<|im_end|>');
  });

  it('treats turn marks as special even where the file calls them normal or user-defined', () => {
    // <|im_end|> has type normal in tinyBpe.
    expect([...tokenizer.encode('<|im_end|>', { special: true })]).toEqual([end]);
    const types = Int32Array.from({ length: 262 }, () => tokenType.userDefined);
    const other = createTokenizer(tinyBpe({ 'tokenizer.ggml.token_type': types }));
    expect([...other.encode('<|im_end|>')]).not.toContain(end);
  });

  it('recognises user-defined tokens everywhere, as llama.cpp does', () => {
    expect([...tokenizer.encode('<keep>')]).toEqual([keep]);
    expect(tokenizer.decode([keep])).toBe('<keep>');
  });

  it('recognises special tokens in template segments only', () => {
    const ids = tokenizer.encodeSegments([
      { text: '<|im_start|>th', special: true },
      { text: 'e<|im_end|>', special: false },
      { text: '<|im_end|>', special: true },
    ]);
    // "th" and "e" are one word across the joint.
    expect([ids[0], ids[1], ids.at(-1)]).toEqual([start, 257, end]);
    expect([...ids].filter((id) => id === end)).toHaveLength(1);
    expect(tokenizer.decode(ids)).toBe('the<|im_end|>');
    expect(tokenizer.decode(ids, { special: true })).toBe('<|im_start|>the<|im_end|><|im_end|>');
  });

  it('adds BOS when asked', () => {
    expect([...tokenizer.encode('the', { addBos: true })]).toEqual([start, 257]);
    expect([...tokenizer.encode('', { addBos: true })]).toEqual([start]);
    expect([...tokenizer.encode('')]).toEqual([]);
  });

  it('gives text when its characters are whole', () => {
    const decoder = tokenizer.decoder();
    const pieces = Array.from(tokenizer.encode('a🌲b'), (id) => decoder.push(id));
    expect(pieces).toEqual(['a', '', '', '', '🌲', 'b']);
    const cut = tokenizer.decoder();
    expect(cut.push(tokenizer.encode('🌲')[0]) + cut.end()).toBe('\uFFFD');
  });

  it('makes lone surrogates U+FFFD, and knows no id outside the vocabulary', () => {
    expect(tokenizer.decode(tokenizer.encode('a\uD800b'))).toBe('a\uFFFDb');
    expect(tokenizer.decode([-1, 99_999, 257])).toBe('the');
  });

  it('lists the ids that end an answer', () => {
    expect(tokenizer.stopIds).toEqual([end]);
  });

  it('cuts long texts without changing ids', () => {
    const line = 'the tree, the 42 trees;\n';
    const once = [...tokenizer.encode(line)];
    const many = tokenizer.encode(line.repeat(20_000));
    expect(many.length).toBe(once.length * 20_000);
    expect([...many.slice(-once.length)]).toEqual(once);
  });

  it.each([
    [{ 'tokenizer.ggml.pre': 'unheard-of' }, 'unsupported', /"unheard-of" is not known/],
    [{ 'tokenizer.ggml.model': 'rwkv' }, 'unsupported', /"rwkv"/],
    [{ 'tokenizer.ggml.tokens': undefined }, 'invalid-input', /no vocabulary/],
    [{ 'tokenizer.ggml.tokens': [1, 2] }, 'invalid-input', /not a list of strings/],
    [{ 'tokenizer.ggml.merges': undefined }, 'invalid-input', /no merges/],
    [{ 'tokenizer.ggml.merges': ['nopair'] }, 'invalid-input', /no pair/],
  ])('names what is wrong: %j', (change, code, message) => {
    let error: unknown;
    try {
      createTokenizer(tinyBpe(change));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
  });

  it('warns when the pre-tokenizer is not named', () => {
    expect(createTokenizer(tinyBpe({ 'tokenizer.ggml.pre': undefined })).warnings).toHaveLength(1);
    expect(tokenizer.warnings).toHaveLength(0);
  });
});

describe('SentencePiece', () => {
  const tokenizer = createTokenizer(tinySpm());
  const pieces = (text: string): string[] =>
    Array.from(tokenizer.encode(text), (id) => tokenizer.decode([id], { special: true }));

  it('merges the highest score first', () => {
    // "ab" scores above "▁a": so "▁" stays alone until "▁ab" joins it.
    expect([...tokenizer.encode('ab')]).toEqual([264]);
    expect([...tokenizer.encode('a')]).toEqual([263]);
  });

  it('falls back to bytes and comes back', () => {
    const ids = tokenizer.encode('aé\n');
    expect([...ids]).toEqual([263, 3 + 0xc3, 3 + 0xa9, 3 + 0x0a]);
    expect(tokenizer.decode(ids)).toBe('aé\n');
  });

  it('puts the space in front of a text, and takes it away again', () => {
    expect(tokenizer.decode(tokenizer.encode('ab ab'))).toBe('ab ab');
    expect(tokenizer.decode(tokenizer.encode('  ab'))).toBe('  ab');
    expect(pieces('ab ab')).toHaveLength(2);
    const bare = createTokenizer(tinySpm({ 'tokenizer.ggml.add_space_prefix': false }));
    expect([...bare.encode('ab')]).toEqual([262]);
    expect(bare.decode(bare.encode(' ab'))).toBe(' ab');
  });

  it('refuses scores that do not fit', () => {
    expect(() => createTokenizer(tinySpm({ 'tokenizer.ggml.scores': new Float32Array(3) }))).toThrow(
      /list of/,
    );
    expect(() => createTokenizer(tinySpm({ 'tokenizer.ggml.scores': undefined }))).toThrow(/no scores/);
  });
});
