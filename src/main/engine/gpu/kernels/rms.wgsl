// 1 / root mean square of a row, by 64 lanes: lane l takes the words l, l + 64, …, lanes are added four by four.
// Twin: reference/rms-norm.ts.
var<workgroup> squares: array<f32, 64>;

// All threads of a workgroup call it; those below 64 work.
fn inverseRmsOf(row: u32, thread: u32) -> f32 {
  let length = shape.blocks * 8u;
  if (thread < 64u) {
    var sum = vec4f();
    for (var i = thread; i < length; i += 64u) {
      let value = x[row * length + i];
      sum = fma(value, value, sum);
    }
    squares[thread] = (sum.x + sum.y) + (sum.z + sum.w);
  }
  workgroupBarrier();
  var total = vec4f();
  for (var i = 0u; i < 64u; i += 4u) {
    total += vec4f(squares[i], squares[i + 1u], squares[i + 2u], squares[i + 3u]);
  }
  let sum = (total.x + total.y) + (total.z + total.w);
  return 1.0 / sqrt(sum / f32(shape.columns) + shape.epsilon);
}
