// Keys, values and their rotations as they are.
alias KvWord = vec4f;

fn unpackKv(word: KvWord) -> vec4f {
  return word;
}

fn packKv(value: vec4f) -> KvWord {
  return value;
}
