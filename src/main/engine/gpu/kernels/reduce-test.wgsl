// Sums and maxima of known numbers, for subgroup-test.ts. Needs: reduce-*.wgsl, `const LANES`.
alias Number = vec4f;
const THREADS = 256u;

@group(0) @binding(0) var<storage, read> numbers: array<vec4f>; // [THREADS]
@group(0) @binding(1) var<storage, read_write> results: array<vec4f>; // [sum | largest][THREADS]

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32) {
  results[thread] = sumOfLanes(numbers[thread], thread);
  workgroupBarrier();
  results[THREADS + thread] = largestOfLanes(numbers[thread], thread);
}
