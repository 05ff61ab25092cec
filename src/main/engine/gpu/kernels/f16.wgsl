// Products in halves: a block of 32 columns of the input becomes halves in [-1, 1] with a scale, the weights' quants
// are halves as they are (integers up to 128: exact). Of 16 columns four chains of four fma in halves, at most 512 and
// far from a half's 65,504; they are added in f32, and so are blocks, in order. Twin: reference/matmul.ts within the
// error of halves.
enable f16;

alias Operand = vec4<f16>; // four columns
alias Sum = vec4<f16>;

struct InputBlock {
  operands: array<Operand, 8>,
  factors: vec4f, // scale, sums of the operands of the columns 0 … 15 and 16 … 31, -
}

fn inputBlock(row: u32, block: u32) -> InputBlock {
  var values: array<vec4f, 8>;
  var largest = vec4f();
  for (var i = 0u; i < 8u; i++) {
    values[i] = inputAt(row, block * 8u + i);
    largest = max(largest, abs(values[i]));
  }
  let scale = max(max(largest.x, largest.y), max(largest.z, largest.w));
  let inverse = select(1.0 / scale, 0.0, scale < 1e-30);
  var scaled: InputBlock;
  var sums = vec2f();
  for (var i = 0u; i < 8u; i++) {
    let halves = Operand(values[i] * inverse);
    scaled.operands[i] = halves;
    let rounded = vec4f(halves);
    sums[i / 4u] += (rounded.x + rounded.y) + (rounded.z + rounded.w);
  }
  scaled.factors = vec4f(scale, sums, 0.0);
  return scaled;
}

// @param word signed bytes of a QuantBlock
fn weightOperand(word: u32) -> Operand {
  return Operand(unpack4xI8(word));
}

fn multiplied(weights: Operand, input: Operand, sum: Sum) -> Sum {
  return fma(weights, input, sum);
}

fn numberOf(sum: Sum) -> f32 {
  let columns = vec4f(sum);
  return (columns.x + columns.y) + (columns.z + columns.w);
}
