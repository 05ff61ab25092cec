// Products in integers: a block of 32 columns of the input becomes signed bytes with a scale, and is multiplied by the
// weights' quants four at a time (DP4A; core WGSL, exact). Both kernels give an output the same bits: blocks are added
// in order, and no sum can be contracted with a product. Twin: reference/matmul.ts within the error of 8 bits.
alias Operand = u32; // four columns: signed bytes
alias Sum = i32;

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
  let scale = max(max(largest.x, largest.y), max(largest.z, largest.w)) / 127.0;
  let inverse = select(1.0 / scale, 0.0, scale < 1e-30);
  var quantised: InputBlock;
  var sums = vec2i();
  for (var i = 0u; i < 8u; i++) {
    let word = pack4xI8Clamp(vec4i(round(values[i] * inverse)));
    quantised.operands[i] = word;
    sums[i / 4u] += dot4I8Packed(word, 0x01010101u);
  }
  quantised.factors = vec4f(scale, vec2f(sums), 0.0);
  return quantised;
}

// @param word signed bytes of a QuantBlock
fn weightOperand(word: u32) -> Operand {
  return word;
}

fn multiplied(weights: Operand, input: Operand, sum: Sum) -> Sum {
  return sum + dot4I8Packed(weights, input);
}

fn numberOf(sum: Sum) -> f32 {
  return f32(sum);
}
