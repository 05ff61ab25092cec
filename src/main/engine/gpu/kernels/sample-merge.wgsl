// The best KEEP candidates of each 2048. Needs: sample-items.wgsl, `const KEEP`, sample-best.wgsl (with reduce-*.wgsl) or
// sample-sort.wgsl.
struct Level {
  count: u32, // candidates that come in
}

@group(0) @binding(0) var<uniform> level: Level;
@group(0) @binding(1) var<storage, read> incoming: array<vec2u>; // [count][bits of the logit, id]
@group(0) @binding(2) var<storage, read_write> candidates: array<vec2u>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  for (var i = thread; i < ITEMS; i += 256u) {
    let at = group.x * ITEMS + i;
    var item = Item(LEAST, NONE);
    if (at < level.count) {
      item = Item(bitcast<f32>(incoming[at].x), incoming[at].y);
    }
    items[i] = item;
  }
  workgroupBarrier();
  arrange(thread);
  for (var i = thread; i < KEEP; i += 256u) {
    candidates[group.x * KEEP + i] = vec2u(bitcast<u32>(items[i].logit), items[i].id);
  }
}
