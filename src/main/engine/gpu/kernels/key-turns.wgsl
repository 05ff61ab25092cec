// Puts the rotations of keys that enter a ring beside their slots, once per chunk for all layers. The angles are
// computed on the host in double precision: at position 10^9 an f32 angle would be off by a full turn.
struct Geometry {
  pairs: u32, // of a head
}
struct Copy {
  slot: u32,
  source: u32,
  row: u32,
  kvHead: u32,
}

@group(0) @binding(0) var<uniform> geometry: Geometry;
@group(0) @binding(1) var<storage, read> copies: array<Copy>;
@group(0) @binding(2) var<storage, read> entering: array<vec2f>; // cos, sin: [copies][pairs]
@group(0) @binding(3) var<storage, read_write> keyTurns: array<vec2f>; // [slot][pairs]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  for (var i = thread; i < geometry.pairs; i += 64u) {
    keyTurns[copies[group.x].slot * geometry.pairs + i] = entering[group.x * geometry.pairs + i];
  }
}
