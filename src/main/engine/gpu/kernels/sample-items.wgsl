// What the kernels of sampling share.
const ITEMS = 2048u;
const NONE = 0xffffffffu;
const LEAST = -3e38;

// of reduce-*.wgsl: all threads
alias Number = f32;
const LANES = 256u;
const THREADS = 256u;

struct Sampling {
  vocabulary: u32,
  topK: u32, // of at most KEEP
  topP: f32,
  minP: f32,
  temperature: f32, // 0: the best one
  penalty: f32,
  window: u32, // ids that the penalty looks at
  statistics: u32, // groups of sample-candidates.wgsl
}
struct Turn {
  recent: u32, // ids in the window
  place: u32, // in `recent` where the chosen id goes
  uniform_: f32, // drawn by the host, in [0, 1)
  candidates: u32, // where the last list begins
}
struct Item {
  logit: f32,
  id: u32,
}

var<workgroup> items: array<Item, ITEMS>;

// The larger logit first, of equal ones the lower id.
fn isBefore(a: Item, b: Item) -> bool {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}
