/** A byte-level vocabulary for models without words. */

/** 256 bytes, then the control tokens; no merges. */
export const tinyVocabulary = 288;

export function tinyVocabularyMetadata(): Record<string, string | number | boolean | string[] | Int32Array> {
  const control = ['<|im_start|>', '<|im_end|>', '<|endoftext|>'];
  while (256 + control.length < tinyVocabulary) control.push(`<|unused_${control.length}|>`);
  const tokens = [...byteTokens(), ...control];
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': tokens,
    // 1 = normal, 3 = control (llama.cpp's llama_token_type)
    'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, id) => (id < 256 ? 1 : 3)),
    // llama.cpp wants the array to be there; a pair that never occurs as a byte sequence is as good as none
    'tokenizer.ggml.merges': ['Ā Ā'],
    'tokenizer.ggml.bos_token_id': 256,
    'tokenizer.ggml.eos_token_id': 257,
    'tokenizer.ggml.add_bos_token': false,
  };
}

/** GPT-2's printable stand-ins for the 256 bytes, in the order of the bytes. */
function byteTokens(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    return String.fromCharCode(printable ? byte : next++);
  });
}
