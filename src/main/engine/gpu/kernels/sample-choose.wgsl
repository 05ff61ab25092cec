// Chooses among the best candidates: top-k, top-p, min-p, temperature, draw. Twin: sampling/sampler.ts. The draw is the
// host's random number, so a seed gives the same stream as on the processor; sums are f32, there f64.
// Needs: sample-items.wgsl, `const KEEP`.
struct Statistics {
  largest: f32,
  sum: f32,
  broken: u32,
  reserved: u32,
}
struct Record {
  id: u32,
  logProbability: f32, // of the model, before sampling changes
  broken: u32,
  reserved: u32,
}

@group(0) @binding(0) var<uniform> sampling: Sampling;
@group(0) @binding(1) var<storage, read> turn: Turn;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> recent: array<u32>;
@group(0) @binding(4) var<storage, read> candidates: array<vec2u>; // [KEEP], in order
@group(0) @binding(5) var<storage, read> statistics: array<Statistics>;
@group(0) @binding(6) var<storage, read_write> ids: array<u32>; // what the embedding reads
@group(0) @binding(7) var<storage, read_write> record: Record;

fn logitOf(i: u32) -> f32 {
  return bitcast<f32>(candidates[i].x);
}

fn chosen() -> u32 {
  if (sampling.temperature == 0.0) {
    return 0u;
  }
  let best = logitOf(0u);
  var count = min(KEEP, min(sampling.topK, sampling.vocabulary));
  if (sampling.topP < 1.0) {
    var total = 0.0;
    for (var i = 0u; i < count; i++) {
      total += exp(logitOf(i) - best);
    }
    var sum = 0.0;
    for (var i = 0u; i < count; i++) {
      sum += exp(logitOf(i) - best);
      if (sum >= sampling.topP * total) {
        count = i + 1u;
        break;
      }
    }
  }
  let least = select(LEAST, best + log(sampling.minP), sampling.minP > 0.0);
  var total = 0.0;
  for (var i = 0u; i < count; i++) {
    if (logitOf(i) < least) {
      count = i;
      break;
    }
    total += exp((logitOf(i) - best) / sampling.temperature);
  }
  var rest = turn.uniform_ * total;
  for (var i = 0u; i < count; i++) {
    rest -= exp((logitOf(i) - best) / sampling.temperature);
    if (rest < 0.0) {
      return i;
    }
  }
  return max(count, 1u) - 1u;
}

@compute @workgroup_size(1)
fn main() {
  var largest = LEAST;
  var broken = 0u;
  for (var i = 0u; i < sampling.statistics; i++) {
    largest = max(largest, statistics[i].largest);
    broken |= statistics[i].broken;
  }
  var sum = 0.0;
  for (var i = 0u; i < sampling.statistics; i++) {
    sum += statistics[i].sum * exp(statistics[i].largest - largest);
  }
  let id = min(candidates[chosen()].y, sampling.vocabulary - 1u);
  ids[0] = id;
  if (sampling.window > 0u) {
    recent[turn.place] = id;
  }
  record = Record(id, logits[id] - largest - log(sum), broken, 0u);
}
