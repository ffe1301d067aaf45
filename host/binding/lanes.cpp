// See lanes.h. Compiled once for each kind of processor, in the namespace BYTEFED_LANES. Inline functions
// from elsewhere must be `static`, or the linker could give one processor the other's code.
#include "lanes.h"

#include "bytefed/learning/polynomials.h"

namespace BYTEFED_LANES {
namespace {

typedef float Floats __attribute__((vector_size(4 * kLanes), may_alias));
typedef int32_t Ints __attribute__((vector_size(4 * kLanes), may_alias));
typedef uint32_t Words __attribute__((vector_size(4 * kLanes), may_alias));

const Floats* floats(const float* values) {
  return reinterpret_cast<const Floats*>(values);
}
Floats* floats(float* values) {
  return reinterpret_cast<Floats*>(values);
}

Floats select(Ints mask, Floats yes, Floats no) {
  return (Floats)(((Ints)yes & mask) | ((Ints)no & ~mask));
}

// exact_exp and exact_log of exact_math.h; the comments are there.
Floats exact_exp(Floats x) {
  const float magic = 12582912.0f;
  const Floats shifted = x * 1.44269504f + magic;
  const Words n = (Words)shifted - 0x4B400000u;
  const Floats whole = shifted - magic;
  Floats r = x - whole * 0.693145752f;
  r = r - whole * 1.42860677e-6f;
  const Floats p = bytefed::exp_polynomial(r);
  return (Floats)(((Words)p + (n << 23)) & (Words)(x > -87.0f));
}

Floats exact_log(Floats x) {
  const Words bits = (Words)x;
  Ints n = (Ints)(bits >> 23) - 126;
  Floats f = (Floats)((bits & 0x007FFFFFu) | 0x3F000000u);
  const Ints low = f < 0.707106781f;
  n = n + low;
  f = f + (Floats)((Ints)f & low);
  f = f - 1.0f;
  return bytefed::log_polynomial(f, __builtin_convertvector(n, Floats));
}

// Four features of a row in one word, the first one in its lowest byte.
uint32_t four_features(const int8_t* row) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");
  uint32_t word;
  __builtin_memcpy(&word, row, sizeof word);
  return word;
}

// x[i] of eight samples, a row of features each.
void centre(const LaneStep& work, const int8_t* const* rows, Floats* x) {
  size_t i = 0;
  for (; i + 4 <= work.features; i += 4) {
    const Words words = {four_features(rows[0] + i), four_features(rows[1] + i), four_features(rows[2] + i),
                         four_features(rows[3] + i), four_features(rows[4] + i), four_features(rows[5] + i),
                         four_features(rows[6] + i), four_features(rows[7] + i)};
    for (uint32_t byte = 0; byte < 4; ++byte) {
      const Ints values = (Ints)(words << (24 - 8 * byte)) >> 24;
      x[i + byte] = __builtin_convertvector(values - work.zero_point, Floats);
    }
  }
  for (; i < work.features; ++i) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      x[i][lane] = static_cast<float>(rows[lane][i] - work.zero_point);
    }
  }
}

// Columns `first` to `first + N` of the sums: N of them stay in registers.
template <size_t N>
void column_sums(const LaneStep& work, const Floats* x, size_t first, Floats* sums) {
  Floats own[N] = {};
  const Floats* W = floats(work.heads) + first;
  const size_t features = work.features, classes = work.classes;
  for (size_t i = 0; i < features; ++i, W += classes) {
    for (size_t c = 0; c < N; ++c) own[c] += W[c] * x[i];
  }
  for (size_t c = 0; c < N; ++c) sums[first + c] = own[c];
}

// The same columns' update.
template <size_t N>
void column_update(const LaneStep& work, const Floats* x, size_t first, const Floats* g) {
  Floats own[N];
  for (size_t c = 0; c < N; ++c) own[c] = g[first + c];
  Floats* W = floats(work.heads) + first;
  const size_t features = work.features, classes = work.classes;
  for (size_t i = 0; i < features; ++i, W += classes) {
    const Floats xi = x[i];
    for (size_t c = 0; c < N; ++c) W[c] += own[c] * xi;
  }
}

void logits(const LaneStep& work, const Floats* x, Floats* z) {
  size_t c = 0;
  for (; c + 10 <= work.classes; c += 10) column_sums<10>(work, x, c, z);
  for (; c + 4 <= work.classes; c += 4) column_sums<4>(work, x, c, z);
  for (; c < work.classes; ++c) column_sums<1>(work, x, c, z);
  const Floats* bias = floats(work.heads) + work.features * work.classes;
  for (c = 0; c < work.classes; ++c) z[c] = bias[c] + work.scale * z[c];
}

// Turns logits into minus the gradient. In a lane without a sample that is -0: adding it changes nothing.
void softmax_gradient(const LaneStep& work, Ints label, Floats* z) {
  Floats largest = z[0];
  Ints predicted = {};
  for (size_t c = 1; c < work.classes; ++c) {
    const Ints larger = z[c] > largest;
    largest = select(larger, z[c], largest);
    predicted = (predicted & ~larger) | (static_cast<int32_t>(c) & larger);
  }
  Floats own = {};
  for (size_t c = 0; c < work.classes; ++c) own = select(label == static_cast<int32_t>(c), z[c], own);
  const Floats margin = own - largest;
  Floats sum = {};
  for (size_t c = 0; c < work.classes; ++c) {
    z[c] = exact_exp(z[c] - largest);
    sum += z[c];
  }
  const Floats rate = *floats(work.rate);
  const Floats k = rate / sum;
  const Floats nothing = {}, minus_zero = -nothing;
  const Ints present = label >= 0;
  for (size_t c = 0; c < work.classes; ++c) {
    const Floats wanted = select(label == static_cast<int32_t>(c), rate, nothing);
    z[c] = select(present, wanted - z[c] * k, minus_zero);
  }
  Floats& loss = *floats(work.loss);
  loss = select(present, loss + (exact_log(sum) - margin), loss);
  *reinterpret_cast<Ints*>(work.correct) -= predicted == label;  // true is -1
}

void pull_to_anchor(const LaneStep& work) {
  const Ints present = *reinterpret_cast<const Ints*>(work.labels) >= 0;
  const Floats* anchor = floats(work.anchors);
  Floats* head = floats(work.heads);
  const size_t parameters = (work.features + 1) * work.classes;
  for (size_t i = 0; i < parameters; ++i) {
    head[i] = select(present, head[i] - work.pull * (head[i] - anchor[i]), head[i]);
  }
}

void apply_gradient(const LaneStep& work, const Floats* x, Floats* g) {
  Floats* bias = floats(work.heads) + work.features * work.classes;
  for (size_t c = 0; c < work.classes; ++c) {
    bias[c] += g[c];
    g[c] = g[c] * work.scale;
  }
  size_t c = 0;
  for (; c + 10 <= work.classes; c += 10) column_update<10>(work, x, c, g);
  for (; c + 4 <= work.classes; c += 4) column_update<4>(work, x, c, g);
  for (; c < work.classes; ++c) column_update<1>(work, x, c, g);
}

}  // namespace

void step(const LaneStep& work) {
  for (size_t i = 0; i < work.samples; ++i) {
    Floats* x = floats(work.x) + i * work.features;
    Floats* g = floats(work.gradient) + i * work.classes;
    centre(work, work.rows + i * kLanes, x);
    logits(work, x, g);
    softmax_gradient(work, reinterpret_cast<const Ints*>(work.labels)[i], g);
  }
  if (work.pull > 0.0f) pull_to_anchor(work);
  for (size_t i = 0; i < work.samples; ++i) {
    apply_gradient(work, floats(work.x) + i * work.features, floats(work.gradient) + i * work.classes);
  }
}

}  // namespace BYTEFED_LANES
