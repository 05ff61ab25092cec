// Rotations of keys as halves: cos, sin, cos, sin. Unpacking is core WGSL: no feature.
alias TurnWord = vec2u;

fn unpackTurn(word: TurnWord) -> vec4f {
  return vec4f(unpack2x16float(word.x), unpack2x16float(word.y));
}
