// The dense part of a model over packed weights: everything but attention. See native-contract.ts for the surface.
//
//   project  norm, quantise, (q | k | v) or output head, biases, norms of heads
//   after    attention -> output matrix, + residual, norm, gate and up, activation, down, + residual, project
//
// Many rows: every thread takes stretches of rows through all of `after`. Few rows: threads share each matrix's panels,
// and the caller alone does what is cheap (norms, quantising). A row's bits are the same either way: no sum is split.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dense_kernel.h"
#include "memory.h"
#include "weights.h"

namespace longleaf {

/// Rows of one tensor, packed at `offset` of the weights.
struct Segment {
  PackedType type;
  int rows;
  size_t offset;
};

/// Outputs of several segments side by side.
struct Matrix {
  int columns = 0;
  int outputs = 0;
  std::vector<Segment> segments;
};

/// Empty vectors are absent.
struct DenseLayer {
  std::vector<float> attentionNorm;
  Matrix qkv;
  std::vector<float> biases;
  std::vector<float> queryNorm, keyNorm, queryScales;
  Matrix output;
  std::vector<float> postAttentionNorm;
  std::vector<float> feedForwardNorm;
  Matrix gate, up, down;
  std::vector<float> postFeedForwardNorm;
};

struct DenseSpec {
  int embedding = 0, heads = 0, kvHeads = 0, headDim = 0, feedForward = 0, vocabulary = 0;
  float epsilon = 0;
  float embeddingScale = 1;
  /// logit = c tanh(logit / c); 0: none
  float logitSoftCap = 0;
  Activation activation = Activation::silu;
  Matrix tokens;
  std::vector<DenseLayer> layers;
  std::vector<float> outputNorm;
  Matrix head;
  int rowThreads = 1;
  int columnThreads = 1;
  const DenseKernel* kernel = nullptr;
};

/// Where the time of the dense part goes; filled while profiling. Seconds of all threads together.
struct DenseProfile {
  double seconds = 0;
  double operations = 0;
  double bytes = 0;
  int64_t calls = 0;
};
enum class DenseStep : int { qkv, output, gateUp, down, head, quantise, norm, gate };
constexpr int kDenseSteps = 8;
extern const char* const kDenseStepNames[kDenseSteps];

class Dense {
 public:
  /// Throws std::invalid_argument for a matrix that leaves the weights, or has a shape that does not fit.
  Dense(std::shared_ptr<Weights> weights, DenseSpec spec);
  ~Dense();

  const DenseSpec& spec() const { return spec_; }
  void setThreads(int rowThreads, int columnThreads);
  /// x [count][embedding] = rows of the token embedding
  void embed(const int32_t* ids, int count, float* x) const;
  /// qkv [rows][(heads + 2 kvHeads) headDim] of layer 0
  void entry(int rows, const float* x, float* qkv);
  /// From the attention of `layer` to q | k | v of the next one; residual [rows][embedding] moves on.
  void joint(int layer, int rows, const float* attention, float* residual, float* qkv);
  /// From the attention of the last layer to logits [rows][vocabulary]; `residual` is used up.
  void logits(int rows, const float* attention, float* residual, float* logits);

  void profile(bool on);
  const DenseProfile* profiles() const { return profiles_; }

 private:
  struct Scratch;
  struct Shared;
  struct Stretch;
  struct Target;

  void check() const;
  void checkMatrix(const Matrix& matrix, int columns, int outputs, const char* name) const;
  void over(int rows, bool shareColumns, const std::function<void(const Stretch&)>& work);
  Scratch& scratch(int thread, int rows);
  void after(const DenseLayer& layer, const Stretch& at, const float* attention, float* residual, const Target& target);
  void feedForward(const DenseLayer& layer, const Stretch& at, float* down);
  void gateColumns(const DenseLayer& layer, const Stretch& at, QuantisedRows& middle, int first, int last, Scratch& own);
  void share(const Stretch& at, int count, const std::function<void(int begin, int end, Scratch& own)>& work);
  void project(const Stretch& at, const float* x, const Target& target);
  void prepare(const Stretch& at, const float* x, int64_t stride, const Matrix& matrix);
  void multiply(const Matrix& matrix, int begin, int end, const QuantisedRows& x, const float* floats, int rows,
                float* y, int64_t stride, Scratch& own, DenseStep step);
  void addNormed(const Stretch& at, const float* y, const std::vector<float>& norm, float* sum);
  void finishHeads(const DenseLayer& layer, int rows, float* qkv) const;
  Target qkvOf(int layer, float* out) const;

  std::shared_ptr<Weights> weights_;
  DenseSpec spec_;
  int widest_ = 0;
  std::vector<std::unique_ptr<Scratch>> scratch_;
  std::vector<std::unique_ptr<Shared>> shared_;
  bool profiling_ = false;
  DenseProfile profiles_[kDenseSteps];
};

}  // namespace longleaf
