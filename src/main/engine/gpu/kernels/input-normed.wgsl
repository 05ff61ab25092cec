// RMSNorm (twin: reference/rms-norm.ts) of the input, on the way into the product: no pass of its own, at the price
// of a sum of squares in every workgroup.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [rows][blocks * 8], zeros beyond `columns`
@group(0) @binding(3) var<storage, read> gain: array<vec4f>; // [blocks * 8]

var<workgroup> squares: array<f32, 64>;
var<workgroup> inverseRms: array<f32, ROWS>;

// All 64 threads; lane 0 … 63. The sum's order depends on the columns alone.
fn prepareInput(firstRow: u32, lane: u32) {
  let length = shape.blocks * 8u;
  for (var tileRow = 0u; tileRow < ROWS; tileRow++) {
    let row = inputRow(firstRow + tileRow);
    var sum = vec4f();
    for (var i = lane; i < length; i += 64u) {
      let value = x[row * length + i];
      sum = fma(value, value, sum);
    }
    squares[lane] = (sum.x + sum.y) + (sum.z + sum.w);
    workgroupBarrier();
    if (lane == 0u) {
      var total = 0.0;
      for (var i = 0u; i < 64u; i++) {
        total += squares[i];
      }
      inverseRms[tileRow] = 1.0 / sqrt(total / f32(shape.columns) + shape.epsilon);
    }
    workgroupBarrier();
  }
}

fn inputAt(tileRow: u32, row: u32, column4: u32) -> vec4f {
  return x[row * shape.blocks * 8u + column4] * inverseRms[tileRow] * gain[column4];
}
