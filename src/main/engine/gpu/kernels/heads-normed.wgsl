// RMSNorm of each head's query and key before RoPE: queries in place, each by a workgroup of its own, keys on their way
// into the rings. Twin: finishProjections in reference/reference-runtime.ts.
struct Step {
  rows: u32,
  firstRow: u32,
}

@group(0) @binding(2) var<storage, read_write> qkv: array<vec4f>; // [rows][q | k | v]
@group(0) @binding(4) var<uniform> step: Step;
@group(0) @binding(5) var<storage, read> headGain: array<vec4f>; // [q | k][HEAD_WORDS]

fn queries() -> u32 {
  return step.rows * geometry.heads;
}

// Every thread by itself: no barrier, and at most 64 words that the others read too.
fn inverseRmsOfHead(at: u32) -> f32 {
  var sum = vec4f();
  for (var i = 0u; i < HEAD_WORDS; i++) {
    let value = qkv[at + i];
    sum = fma(value, value, sum);
  }
  return 1.0 / sqrt(((sum.x + sum.y) + (sum.z + sum.w)) / f32(4u * HEAD_WORDS) + geometry.epsilon);
}

fn finishQuery(index: u32, thread: u32) {
  let at = (index / geometry.heads) * geometry.qkvWords + (index % geometry.heads) * HEAD_WORDS;
  let inverseRms = inverseRmsOfHead(at);
  workgroupBarrier(); // nobody writes before all have read
  for (var i = thread; i < HEAD_WORDS; i += 32u) {
    qkv[at + i] = qkv[at + i] * inverseRms * headGain[i];
  }
}

fn finishedKey(at: u32, word: u32) -> vec4f {
  return qkv[at + word] * inverseRmsOfHead(at) * headGain[HEAD_WORDS + word];
}
