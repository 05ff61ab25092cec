// Keys and values as halves, four in a word pair. Packing and unpacking are core WGSL: no feature.
alias KvWord = vec2u;
const KV_WORDS = HEAD_WORDS; // of a key or a value

fn unpackKv(word: KvWord) -> vec4f {
  return vec4f(unpack2x16float(word.x), unpack2x16float(word.y));
}

fn packKv(value: vec4f) -> KvWord {
  return vec2u(pack2x16float(value.xy), pack2x16float(value.zw));
}
