// 1 / root mean square of each row, before the product of many rows. Needs: rms.wgsl, reduce-*.wgsl, product.wgsl.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [rows][blocks * 8], zeros beyond `columns`
@group(0) @binding(7) var<storage, read_write> inverseRms: array<f32>; // [rows]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = step.firstRow + group.x;
  let value = inverseRmsOf(row, thread);
  if (thread == 0u) {
    inverseRms[row] = value;
  }
}
