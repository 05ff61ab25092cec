// What Dense is given, checked before anything is computed with it.
#include <stdexcept>

#include "dense.h"

namespace longleaf {

void Dense::checkMatrix(const Matrix& matrix, int columns, int outputs, const char* name) const {
  const auto fail = [&](const char* what) { throw std::invalid_argument(std::string(name) + ": " + what); };
  if (matrix.columns != columns || matrix.outputs != outputs) fail("its shape does not fit the model");
  for (const Segment& segment : matrix.segments) {
    const TypeTraits& t = traitsOf(segment.type);
    if (columns % t.ggufWeights != 0) fail("its columns are not whole blocks");
    const size_t bytes = panelBytes(segment.type, columns) * static_cast<size_t>((segment.rows + kPanel - 1) / kPanel);
    if (segment.offset % 64 != 0 || segment.offset > weights_->size() || bytes > weights_->size() - segment.offset)
      fail("it leaves the weights");
  }
}

void Dense::check() const {
  const DenseSpec& s = spec_;
  const int heads = s.heads * s.headDim, qkv = (s.heads + 2 * s.kvHeads) * s.headDim;
  const auto length = [](const std::vector<float>& vector, size_t wanted, bool optional, const char* name) {
    if (vector.size() != wanted && !(optional && vector.empty()))
      throw std::invalid_argument(std::string(name) + " has another length than the model");
  };
  checkMatrix(s.tokens, s.embedding, s.vocabulary, "tokens");
  checkMatrix(s.head, s.embedding, s.vocabulary, "head");
  length(s.outputNorm, s.embedding, false, "outputNorm");
  for (const DenseLayer& layer : s.layers) {
    length(layer.attentionNorm, s.embedding, false, "attentionNorm");
    length(layer.feedForwardNorm, s.embedding, false, "feedForwardNorm");
    length(layer.postAttentionNorm, s.embedding, true, "postAttentionNorm");
    length(layer.postFeedForwardNorm, s.embedding, true, "postFeedForwardNorm");
    length(layer.biases, qkv, true, "biases");
    length(layer.queryNorm, s.headDim, true, "queryNorm");
    length(layer.keyNorm, s.headDim, true, "keyNorm");
    length(layer.queryScales, s.headDim, true, "queryScales");
    checkMatrix(layer.qkv, s.embedding, qkv, "qkv");
    checkMatrix(layer.output, heads, s.embedding, "output");
    checkMatrix(layer.gate, s.embedding, s.feedForward, "gate");
    checkMatrix(layer.up, s.embedding, s.feedForward, "up");
    checkMatrix(layer.down, s.feedForward, s.embedding, "down");
  }
}

}  // namespace longleaf
