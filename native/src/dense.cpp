#include "dense.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "activations.h"
#include "workers.h"

namespace longleaf {

namespace {

/// Rows of one thread at a time: its activations stay in the second-level cache of small models.
constexpr int kStretchRows = 256;
/// Up to here rows are too few for a stretch per thread to pay: threads share the columns.
constexpr int kFewRows = 16;
/// Columns of gate and up that are computed before they are combined; whole panels and blocks.
constexpr int kGateColumns = 256;
/// Stretches of rows or of a matrix that each thread takes on average: a thread that is late then holds up less.
constexpr int kUnitsPerThread = 2;

int panelsOf(int rows) { return (rows + kPanel - 1) / kPanel; }

bool hasFloats(const Matrix& matrix) {
  return std::any_of(matrix.segments.begin(), matrix.segments.end(), [](const Segment& s) { return isFloat(s.type); });
}
bool hasQuants(const Matrix& matrix) {
  return std::any_of(matrix.segments.begin(), matrix.segments.end(), [](const Segment& s) { return !isFloat(s.type); });
}

}  // namespace

const char* const kDenseStepNames[kDenseSteps] = {"qkv",  "attention output", "gate and up", "down",
                                                  "head", "quantise",         "norms",       "activation"};

/// Working memory of one thread for `rows` rows of a stretch.
struct Dense::Scratch {
  Scratch(int rows, const DenseSpec& spec, int widest)
      : rows(rows),
        input(rows, std::max(spec.embedding, spec.heads * spec.headDim)),
        row(static_cast<size_t>(widest) * 4),
        gate(static_cast<size_t>(rows) * kGateColumns * 4),
        up(static_cast<size_t>(rows) * kGateColumns * 4),
        rest(static_cast<size_t>(rows) * kPanel * 4),
        wide(kMultiplyScratch),
        multiply{wide.data(), wide.size()} {}
  static float* of(AlignedBuffer& buffer) { return reinterpret_cast<float*>(buffer.data()); }

  int rows;
  Activations input;
  QuantisedRows quantised;
  AlignedBuffer row, gate, up, rest, wide;
  MultiplyScratch multiply;
  DenseProfile profiles[kDenseSteps];
};

/// What the threads that share a stretch's columns write together.
struct Dense::Shared {
  Shared(int rows, const DenseSpec& spec)
      : rows(rows), middle(rows, spec.feedForward), projected(static_cast<size_t>(rows) * spec.embedding * 4) {}
  int rows;
  Activations middle;
  AlignedBuffer projected;
};

/// Rows [first, first + rows), in the hands of one thread, or of all where they share the columns.
struct Dense::Stretch {
  int first;
  int rows;
  bool shareColumns;
  Scratch& own;
  Shared& shared;
};

/// What follows a residual row: a norm and a matrix.
struct Dense::Target {
  const std::vector<float>& norm;
  const Matrix& matrix;
  /// whose q | k | v it is; null: the head
  const DenseLayer* layer;
  float* out;
  DenseStep step;
};

namespace {

/// Adds the time until it ends to a step of the profile.
class Timed {
 public:
  Timed(bool on, DenseProfile& step, double operations = 0, double bytes = 0)
      : step_(on ? &step : nullptr), operations_(operations), bytes_(bytes) {
    if (step_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~Timed() {
    if (step_ == nullptr) return;
    step_->seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    step_->operations += operations_;
    step_->bytes += bytes_;
    step_->calls++;
  }

 private:
  DenseProfile* step_;
  double operations_, bytes_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

Dense::Dense(std::shared_ptr<Weights> weights, DenseSpec spec) : weights_(std::move(weights)), spec_(std::move(spec)) {
  widest_ = std::max({spec_.embedding, spec_.heads * spec_.headDim, spec_.feedForward});
  check();
}

Dense::~Dense() = default;

void Dense::setThreads(int rowThreads, int columnThreads) {
  spec_.rowThreads = rowThreads;
  spec_.columnThreads = columnThreads;
}

void Dense::profile(bool on) {
  profiling_ = on;
  for (DenseProfile& profile : profiles_) profile = {};
}

// ---- the steps ----

// Panels are counted through all segments; `begin` and `end` cut the matrix at panels. Outputs stand side by side, so
// the last panel of a segment may be cut off: it goes through a buffer.
void Dense::multiply(const Matrix& matrix, int begin, int end, const QuantisedRows& x, const float* floats, int rows,
                     float* y, int64_t stride, Scratch& own, DenseStep step) {
  int before = 0, output = 0;
  for (const Segment& segment : matrix.segments) {
    const int panels = panelsOf(segment.rows), whole = segment.rows / kPanel;
    const int from = std::max(0, begin - before), to = std::min(panels, end - before);
    const size_t bytes = panelBytes(segment.type, matrix.columns);
    const PanelRun run = {segment.type, matrix.columns, weights_->data() + segment.offset};
    const auto part = [&](int first, int last, float* target, int64_t width) {
      if (first >= last) return;
      const double share = static_cast<double>(last - first);
      Timed timed(profiling_, own.profiles[static_cast<int>(step)], 2.0 * share * kPanel * rows * matrix.columns,
                  share * static_cast<double>(bytes));
      if (isFloat(segment.type)) spec_.kernel->multiplyFloats(run, first, last, floats, rows, target, width);
      else spec_.kernel->multiply(run, first, last, x, target, width, own.multiply);
    };
    part(from, std::min(to, whole), y + output + static_cast<int64_t>(from) * kPanel, stride);
    if (to > whole && from < to) {
      float* rest = Scratch::of(own.rest);
      part(whole, panels, rest, kPanel);
      const int valid = segment.rows - whole * kPanel;
      for (int row = 0; row < rows; row++)
        std::memcpy(y + row * stride + output + whole * kPanel, rest + row * kPanel, valid * sizeof(float));
    }
    before += panels;
    output += segment.rows;
  }
}

/// The rows x as the matrix's segments take them, in own.quantised and own.input.
void Dense::prepare(const Stretch& at, const float* x, int64_t stride, const Matrix& matrix) {
  Scratch& own = at.own;
  Timed timed(profiling_, own.profiles[static_cast<int>(DenseStep::quantise)]);
  own.quantised = own.input.take(at.rows, matrix.columns);
  for (int row = 0; row < at.rows; row++) {
    if (hasQuants(matrix)) spec_.kernel->quantise(x + row * stride, own.quantised, row, 0, own.quantised.blocks);
    if (hasFloats(matrix) && x != own.input.values())
      std::memcpy(own.input.values() + static_cast<size_t>(row) * matrix.columns, x + row * stride,
                  matrix.columns * sizeof(float));
  }
}

void Dense::project(const Stretch& at, const float* x, const Target& target) {
  Scratch& own = at.own;
  const int width = spec_.embedding;
  float* normed = own.input.values();
  {
    Timed timed(profiling_, own.profiles[static_cast<int>(DenseStep::norm)]);
    for (int row = 0; row < at.rows; row++)
      spec_.kernel->rmsNorm(x + static_cast<int64_t>(row) * width, target.norm.data(), width, spec_.epsilon,
                            normed + static_cast<int64_t>(row) * width);
  }
  prepare(at, normed, width, target.matrix);
  int panels = 0;
  for (const Segment& segment : target.matrix.segments) panels += panelsOf(segment.rows);
  float* out = target.out + static_cast<int64_t>(at.first) * target.matrix.outputs;
  share(at, panels, [&](int begin, int end, Scratch& worker) {
    multiply(target.matrix, begin, end, own.quantised, normed, at.rows, out, target.matrix.outputs, worker, target.step);
  });
  if (target.layer != nullptr) finishHeads(*target.layer, at.rows, out);
  else if (spec_.logitSoftCap != 0) spec_.kernel->softCap(out, at.rows * target.matrix.outputs, spec_.logitSoftCap);
}

/// What comes between the projections and RoPE: biases, norms of heads, the query's scales.
void Dense::finishHeads(const DenseLayer& layer, int rows, float* qkv) const {
  const int width = (spec_.heads + 2 * spec_.kvHeads) * spec_.headDim, dim = spec_.headDim;
  if (layer.biases.empty() && layer.queryNorm.empty() && layer.queryScales.empty()) return;
  for (int row = 0; row < rows; row++, qkv += width) {
    if (!layer.biases.empty()) spec_.kernel->add(qkv, layer.biases.data(), width);
    for (int head = 0; head < spec_.heads + spec_.kvHeads; head++) {
      float* x = qkv + head * dim;
      const bool query = head < spec_.heads;
      const std::vector<float>& norm = query ? layer.queryNorm : layer.keyNorm;
      if (!norm.empty()) spec_.kernel->rmsNorm(x, norm.data(), dim, spec_.epsilon, x);
      if (query && !layer.queryScales.empty())
        for (int i = 0; i < dim; i++) x[i] *= layer.queryScales[i];
    }
  }
}

/// sum += y, or norm(y)
void Dense::addNormed(const Stretch& at, const float* y, const std::vector<float>& norm, float* sum) {
  Timed timed(profiling_, at.own.profiles[static_cast<int>(DenseStep::norm)]);
  const int width = spec_.embedding;
  for (int row = 0; row < at.rows; row++, y += width, sum += width) {
    if (norm.empty()) {
      spec_.kernel->add(sum, y, width);
      continue;
    }
    float* normed = Scratch::of(at.own.row);
    spec_.kernel->rmsNorm(y, norm.data(), width, spec_.epsilon, normed);
    spec_.kernel->add(sum, normed, width);
  }
}

/// Columns [first, last) of the activation, as `down` takes them; they are whole blocks, or the last ones.
void Dense::gateColumns(const DenseLayer& layer, const Stretch& at, QuantisedRows& middle, int first, int last,
                        Scratch& own) {
  const QuantisedRows& x = at.own.quantised;
  const float* floats = at.own.input.values();
  float* values = at.shared.middle.values();
  float *gate = Scratch::of(own.gate), *up = Scratch::of(own.up);
  for (int column = first; column < last; column += kGateColumns) {
    const int count = std::min(kGateColumns, last - column), begin = column / kPanel, end = panelsOf(column + count);
    multiply(layer.gate, begin, end, x, floats, at.rows, gate - column, kGateColumns, own, DenseStep::gateUp);
    multiply(layer.up, begin, end, x, floats, at.rows, up - column, kGateColumns, own, DenseStep::gateUp);
    Timed timed(profiling_, own.profiles[static_cast<int>(DenseStep::gate)]);
    for (int row = 0; row < at.rows; row++) {
      float* out = hasFloats(layer.down) ? values + static_cast<size_t>(row) * spec_.feedForward + column
                                         : gate + row * kGateColumns;
      spec_.kernel->gate(gate + row * kGateColumns, up + row * kGateColumns, count, spec_.activation, out);
      if (hasQuants(layer.down))
        spec_.kernel->quantise(out - column, middle, row, column / kBlock, (column + count) / kBlock);
    }
  }
}

/// own.quantised -> down [rows][embedding]
void Dense::feedForward(const DenseLayer& layer, const Stretch& at, float* down) {
  const int width = spec_.feedForward;
  QuantisedRows middle = at.shared.middle.take(at.rows, width);
  share(at, (width + kBlock - 1) / kBlock, [&](int begin, int end, Scratch& worker) {
    gateColumns(layer, at, middle, begin * kBlock, std::min(width, end * kBlock), worker);
  });
  share(at, panelsOf(spec_.embedding), [&](int begin, int end, Scratch& worker) {
    multiply(layer.down, begin, end, middle, at.shared.middle.values(), at.rows, down, spec_.embedding, worker,
             DenseStep::down);
  });
}

void Dense::after(const DenseLayer& layer, const Stretch& at, const float* attention, float* residual,
                  const Target& target) {
  Scratch& own = at.own;
  const int width = spec_.embedding, heads = spec_.heads * spec_.headDim;
  float* projected = reinterpret_cast<float*>(at.shared.projected.data());
  prepare(at, attention + static_cast<int64_t>(at.first) * heads, heads, layer.output);
  share(at, panelsOf(width), [&](int begin, int end, Scratch& worker) {
    multiply(layer.output, begin, end, own.quantised, own.input.values(), at.rows, projected, width, worker,
             DenseStep::output);
  });
  float* sum = residual + static_cast<int64_t>(at.first) * width;
  addNormed(at, projected, layer.postAttentionNorm, sum);
  float* normed = own.input.values();
  {
    Timed timed(profiling_, own.profiles[static_cast<int>(DenseStep::norm)]);
    for (int row = 0; row < at.rows; row++)
      spec_.kernel->rmsNorm(sum + static_cast<int64_t>(row) * width, layer.feedForwardNorm.data(), width, spec_.epsilon,
                            normed + static_cast<int64_t>(row) * width);
  }
  prepare(at, normed, width, layer.gate);
  feedForward(layer, at, projected);
  addNormed(at, projected, layer.postFeedForwardNorm, sum);
  project(at, sum, target);
}

// ---- threads ----

Dense::Scratch& Dense::scratch(int thread, int rows) {
  while (static_cast<int>(scratch_.size()) <= thread) scratch_.push_back(nullptr);
  if (!scratch_[thread] || scratch_[thread]->rows < rows)
    scratch_[thread] = std::make_unique<Scratch>(wholeGroups(rows), spec_, widest_);
  return *scratch_[thread];
}

/// Things [0, count) of a matrix: by this thread, or in units by all.
void Dense::share(const Stretch& at, int count, const std::function<void(int, int, Scratch&)>& work) {
  if (!at.shareColumns) return work(0, count, at.own);
  const int threads = spec_.columnThreads, units = std::min(count, threads == 1 ? 1 : threads * kUnitsPerThread);
  Workers::shared().run(threads, units, [&](int unit, int thread) {
    work(static_cast<int>(static_cast<int64_t>(count) * unit / units),
         static_cast<int>(static_cast<int64_t>(count) * (unit + 1) / units), *scratch_[thread]);
  });
}

void Dense::over(int rows, bool shareColumns, const std::function<void(const Stretch&)>& work) {
  shareColumns = shareColumns || rows <= kFewRows;
  const int threads = shareColumns ? spec_.columnThreads : spec_.rowThreads;
  const int units = threads == 1 ? 1 : threads * kUnitsPerThread;
  const int each = shareColumns ? rows : std::min(kStretchRows, wholeGroups((rows + units - 1) / units));
  // made here: threads must not
  for (int thread = 0; thread < threads; thread++) scratch(thread, each);
  const int stretches = shareColumns ? 1 : threads;
  while (static_cast<int>(shared_.size()) < stretches) shared_.push_back(nullptr);
  for (int i = 0; i < stretches; i++)
    if (!shared_[i] || shared_[i]->rows < each) shared_[i] = std::make_unique<Shared>(wholeGroups(each), spec_);
  if (shareColumns) {
    work({0, rows, true, *scratch_[0], *shared_[0]});
  } else {
    Workers::shared().run(threads, (rows + each - 1) / each, [&](int unit, int thread) {
      const int first = unit * each;
      work({first, std::min(each, rows - first), false, *scratch_[thread], *shared_[thread]});
    });
  }
  if (!profiling_) return;
  for (auto& own : scratch_)
    for (int i = 0; i < kDenseSteps && own; i++) {
      profiles_[i].seconds += own->profiles[i].seconds;
      profiles_[i].operations += own->profiles[i].operations;
      profiles_[i].bytes += own->profiles[i].bytes;
      profiles_[i].calls += own->profiles[i].calls;
      own->profiles[i] = {};
    }
}

Dense::Target Dense::qkvOf(int layer, float* out) const {
  const DenseLayer& next = spec_.layers[layer];
  return {next.attentionNorm, next.qkv, &next, out, DenseStep::qkv};
}

void Dense::embed(const int32_t* ids, int count, float* x) const {
  const Segment& segment = spec_.tokens.segments[0];
  for (int i = 0; i < count; i++) {
    float* row = x + static_cast<int64_t>(i) * spec_.embedding;
    unpackRow(segment.type, weights_->data() + segment.offset, ids[i], spec_.embedding, row);
    if (spec_.embeddingScale != 1)
      for (int k = 0; k < spec_.embedding; k++) row[k] *= spec_.embeddingScale;
  }
}

void Dense::entry(int rows, const float* x, float* qkv) {
  const Target target = qkvOf(0, qkv);
  over(rows, false, [&](const Stretch& at) {
    project(at, x + static_cast<int64_t>(at.first) * spec_.embedding, target);
  });
}

void Dense::joint(int layer, int rows, const float* attention, float* residual, float* qkv) {
  const Target target = qkvOf(layer + 1, qkv);
  over(rows, false, [&](const Stretch& at) { after(spec_.layers[layer], at, attention, residual, target); });
}

void Dense::logits(int rows, const float* attention, float* residual, float* logits) {
  const Target target = {spec_.outputNorm, spec_.head, nullptr, logits, DenseStep::head};
  over(rows, true, [&](const Stretch& at) { after(spec_.layers.back(), at, attention, residual, target); });
}

}  // namespace longleaf
