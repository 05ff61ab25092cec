// Keys and values as they are.
alias KvWord = vec4f;
const KV_WORDS = HEAD_WORDS; // of a key or a value

fn unpackKv(word: KvWord) -> vec4f {
  return word;
}

fn packKv(value: vec4f) -> KvWord {
  return value;
}
