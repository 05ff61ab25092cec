// x += gain * branch / rms(branch), one workgroup for each row: models that norm what attention and feed-forward give
// before they add it. Twin: addNormed in reference/reference-runtime.ts. Needs: product.wgsl, rms.wgsl,
// reduce-*.wgsl.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // the branch: [rows][blocks * 8], zeros beyond `columns`
@group(0) @binding(3) var<storage, read> gain: array<vec4f>; // [blocks * 8]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = group.x;
  let inverseRms = inverseRmsOf(row, thread);
  for (var i = thread; i < shape.blocks * 8u; i += 64u) {
    let add = x[row * shape.blocks * 8u + i] * inverseRms * gain[i];
    for (var n = 0u; n < 4u; n++) {
      y[row * shape.outputStride + 4u * i + n] += add[n];
    }
  }
}
