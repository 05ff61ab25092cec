// Puts the rotations of keys that enter a ring beside their slots, once per chunk for all layers. The angles are
// computed on the host in double precision: at position 10^9 an f32 angle would be off by a full turn.
// Needs: turns-*.wgsl, `const HEAD_WORDS`.
struct Copy {
  slot: u32,
  source: u32,
  row: u32,
  kvHead: u32,
}

@group(0) @binding(0) var<storage, read> copies: array<Copy>;
@group(0) @binding(1) var<storage, read> entering: array<TurnWord>; // cos, sin, cos, sin: [copies][HEAD_WORDS]
@group(0) @binding(2) var<storage, read_write> keyTurns: array<TurnWord>; // [slot][HEAD_WORDS]

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  for (var i = thread; i < HEAD_WORDS; i += 32u) {
    keyTurns[copies[group.x].slot * HEAD_WORDS + i] = entering[group.x * HEAD_WORDS + i];
  }
}
