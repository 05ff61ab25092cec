// Rotations of keys as they are: cos, sin, cos, sin.
alias TurnWord = vec4f;

fn unpackTurn(word: TurnWord) -> vec4f {
  return word;
}
