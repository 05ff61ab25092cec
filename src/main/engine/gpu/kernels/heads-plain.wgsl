// Queries and keys as the product gave them.
@group(0) @binding(2) var<storage, read> qkv: array<vec4f>; // [rows][q | k | v]

fn queries() -> u32 {
  return 0u;
}

fn finishQuery(index: u32, thread: u32) {}

fn finishedKey(at: u32, word: u32) -> vec4f {
  return qkv[at + word];
}
