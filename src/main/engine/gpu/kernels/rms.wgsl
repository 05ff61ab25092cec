// 1 / root mean square of a row, by 64 lanes: lane l takes the words l, l + 64, …, lanes are added as a balanced tree.
// Twin: reference/rms-norm.ts. Needs: reduce-*.wgsl.
alias Number = f32;
const LANES = 64u;
const THREADS = 128u; // of the largest workgroup that calls it: its halves find the same

// All threads of a workgroup call it, once.
fn inverseRmsOf(row: u32, thread: u32) -> f32 {
  let length = shape.blocks * 8u;
  var squares = vec4f();
  for (var i = thread % LANES; i < length; i += LANES) {
    let value = x[row * length + i];
    squares = fma(value, value, squares);
  }
  let sum = sumOfLanes((squares.x + squares.y) + (squares.z + squares.w), thread);
  return 1.0 / sqrt(sum / f32(shape.columns) + shape.epsilon);
}
