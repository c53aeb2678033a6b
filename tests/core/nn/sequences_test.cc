// Recurrent cells and packed sequences against PyTorch.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/rnn.h"
#include "core/nn/rnn_cell.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/core/nn/nn_testing.h"
#include "tests/core/nn/sequences_golden.inc"

// What was sorted has indices.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

using nn::PackedSequence;

std::vector<Tensor> fill(nn::ModuleBase& m) {
  m.to(f64);
  std::vector<Tensor> out;
  const NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    t.copy_(wave(t.shape(), k++));
    out.push_back(t);
  }
  return out;
}

std::vector<Tensor> joined(std::vector<Tensor> a, const std::vector<Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The results, and the gradients of their sum with weights.
void check(const std::vector<Tensor>& results, const std::vector<Tensor>& leaves, const std::vector<double>& want) {
  Tensor loss = zeros({}, {.dtype = f64});
  for (size_t i = 0; i < results.size(); ++i)
    loss = loss + (results[i] * wave(results[i].shape(), 5.0 + static_cast<double>(i))).sum();
  expect_close(joined(results, grad({&loss, 1}, leaves, {}, {.retain_graph = true})), want);
}

void expect_numbers(const std::vector<Tensor>& got, const std::vector<double>& want) {
  std::vector<Tensor> wide;
  for (const Tensor& t : got) wide.push_back(t.to(f64));
  expect_close(wide, want);
}

template <class Cell>
void check_cell(Cell cell, const std::vector<double>& want, const std::vector<double>& single) {
  const Tensor x = leaf({2, 4}, 1), h = leaf({2, 3}, 2);
  const auto p = fill(cell);
  check({cell(x, h)}, joined({x, h}, p), want);
  expect_close({cell(x[0], h[0]), cell(x[1])}, single);
}

TEST(Cells, AsPyTorch) {
  check_cell(nn::RNNCell(4, 3), kGoldenRnnCell, kGoldenRnnCellSingle);
  check_cell(nn::RNNCell(4, 3, {.nonlinearity = nn::RnnNonlinearity::kRelu}), kGoldenRnnCellRelu,
             kGoldenRnnCellReluSingle);
  check_cell(nn::GRUCell(4, 3), kGoldenGruCell, kGoldenGruCellSingle);
  check_cell(nn::GRUCell(4, 3, {.bias = false}), kGoldenGruCellNoBias, kGoldenGruCellNoBiasSingle);
  const Tensor x = leaf({2, 4}, 1), h = leaf({2, 3}, 2), c = leaf({2, 3}, 3);
  nn::LSTMCell m(4, 3);
  const auto p = fill(m);
  const nn::LSTMCell::State s = m(x, {h, c}), one = m(x[0], {h[0], c[0]}), fresh = m(x);
  check({s.h, s.c}, joined({x, h, c}, p), kGoldenLstmCell);
  expect_close({one.h, one.c, fresh.h, fresh.c}, kGoldenLstmCellSingle);
}

TEST(Cells, WrongShapesNameTheCell) {
  const nn::GRUCell m(4, 3);
  EXPECT_EQ(m.state_dict().size(), 4u);
  EXPECT_EQ(message([&] {
              m(ones({2, 3}));
            }),
            "GRUCell: expected an input of [batch, 4] or [4], but the shape is [2, 3]");
  EXPECT_EQ(message([&] { m(ones({2, 4}), ones({3})); }), "GRUCell: the state has shape [3]; expected [2, 3]");
  EXPECT_EQ(message([] { nn::LSTMCell(4, 0); }),
            "LSTMCell: the sizes of input and hidden state must be at least 1, but are 4 and 0");
}

TEST(Packed, AsPyTorch) {
  const Tensor x = leaf({5, 3, 2}, 1), lengths = tensor({2, 5, 3});
  PackedSequence k = nn::pack_padded_sequence(x, tensor({5, 2, 2}));
  expect_numbers({k.data, k.batch_sizes}, kGoldenPacked);
  EXPECT_FALSE(k.sorted_indices);
  k = nn::pack_padded_sequence(transpose(x, 0, 1), lengths.to(i32), {.batch_first = true, .enforce_sorted = false});
  check({k.data}, {x}, kGoldenPackedUnsorted);
  k = nn::pack_padded_sequence(x, lengths, {.enforce_sorted = false});
  expect_numbers({k.batch_sizes, *k.sorted_indices, *k.unsorted_indices}, kGoldenPackedUnsortedPlaces);
  const nn::PaddedSequence y =
      nn::pad_packed_sequence(k, {.batch_first = true, .padding_value = -1.5, .total_length = 6});
  check({y.data}, {x}, kGoldenPadded);
  expect_numbers({y.lengths}, kGoldenPaddedLengths);
  const PackedSequence again = nn::pack_like(y.data, k, true);
  EXPECT_TRUE(again.data.equal(k.data));
}

TEST(Packed, ListsOfSequences) {
  const std::vector<Tensor> parts{leaf({2, 2}, 1), leaf({4, 2}, 2), leaf({1, 2}, 3)};
  check({nn::pad_sequence(parts, {.padding_value = 0.5})}, parts, kGoldenPadSequence);
  expect_close({nn::pad_sequence(parts, {.batch_first = true, .left = true})}, kGoldenPadSequenceLeft);
  const PackedSequence k = nn::pack_sequence(parts, false);
  check({k.data}, parts, kGoldenPackSequence);
  expect_numbers({k.batch_sizes}, kGoldenPackSequenceSizes);
  const std::vector<Tensor> back = nn::unpack_sequence(k);
  const std::vector<Tensor> cut = nn::unpad_sequence(nn::pad_sequence(parts), tensor({2, 4, 1}));
  ASSERT_EQ(back.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(back[i].equal(parts[i]));
    EXPECT_TRUE(cut[i].equal(parts[i]));
  }
  EXPECT_EQ(nn::pad_sequence(std::vector<Tensor>{tensor({1, 2}), zeros({0}, {.dtype = i64})}).to_vector<int64_t>(),
            (std::vector<int64_t>{1, 0, 2, 0}));
}

TEST(Packed, Layers) {
  const Tensor x = leaf({5, 3, 4}, 1), lengths = tensor({2, 5, 3});
  const PackedSequence k = nn::pack_padded_sequence(x, lengths, {.enforce_sorted = false});
  const PackedSequence falling = nn::pack_padded_sequence(x, tensor({5, 2, 2}));
  {
    nn::LSTM m(4, 3, {.layers = 2, .bidirectional = true});
    const auto p = fill(m);
    const Tensor h = leaf({4, 3, 3}, 6), c = leaf({4, 3, 3}, 7);
    auto r = m(k, {h, c});
    check({r.output.data, r.state.h, r.state.c}, joined({x, h, c}, p), kGoldenPackedLstm);
    expect_numbers({r.output.batch_sizes, *r.output.sorted_indices}, kGoldenPackedLstmPlaces);
    r = m(falling);
    expect_close({r.output.data, r.state.h, r.state.c}, kGoldenPackedLstmSorted);
  }
  {
    nn::LSTM m(4, 3, {.bidirectional = true, .proj_size = 2});
    const auto p = fill(m);
    const Tensor h = leaf({2, 3, 2}, 6), c = leaf({2, 3, 3}, 7);
    const auto r = m(k, {h, c});
    check({r.output.data, r.state.h, r.state.c}, joined({x, h, c}, p), kGoldenPackedLstmProjected);
  }
  {
    nn::GRU m(4, 3, {.layers = 2, .batch_first = true, .bidirectional = true});
    const auto p = fill(m);
    const Tensor h = leaf({4, 3, 3}, 6);
    auto r = m(k, h);
    check({r.output.data, r.h}, joined({x, h}, p), kGoldenPackedGru);
    r = m(falling);
    expect_close({r.output.data, r.h}, kGoldenPackedGruSorted);
  }
  nn::RNN m(4, 3, {.bidirectional = true});
  const auto p = fill(m);
  const Tensor h = leaf({2, 3, 3}, 6);
  const auto r = m(k, h);
  check({r.output.data, r.h}, joined({x, h}, p), kGoldenPackedRnn);
}

TEST(Packed, WrongArguments) {
  const Tensor x = ones({5, 3, 2});
  const auto pack = [&](const Tensor& lengths, const nn::PackOptions& o) {
    return message([&] { nn::pack_padded_sequence(x, lengths, o); });
  };
  EXPECT_EQ(pack(tensor({2, 5, 3}), {}),
            "pack_padded_sequence: lengths rise; sort the sequences, or set enforce_sorted to false");
  EXPECT_EQ(pack(tensor({2, 6, 3}), {.enforce_sorted = false}),
            "pack_padded_sequence: lengths must be from 1 to 5, but one is 6");
  EXPECT_EQ(pack(tensor({2, 0, 3}), {.enforce_sorted = false}),
            "pack_padded_sequence: lengths must be from 1 to 5, but one is 0");
  EXPECT_EQ(pack(tensor({2, 1}), {}), "pack_padded_sequence: lengths have the shape [2]; expected [3]");
  EXPECT_EQ(message([&] {
              nn::pack_padded_sequence(ones({5, 0, 2}), zeros({0}, {.dtype = i64}));
            }),
            "pack_padded_sequence: there is no sequence: the shape is [5, 0, 2]");
  PackedSequence k = nn::pack_padded_sequence(x, tensor({5, 2, 1}));
  EXPECT_EQ(message([&] { nn::pad_packed_sequence(k, {.total_length = 4}); }),
            "pad_packed_sequence: total_length 4 is below the greatest length 5");
  k.batch_sizes = tensor({3, 2, 1, 1, 9});
  EXPECT_EQ(message([&] { nn::pad_packed_sequence(k); }),
            "pad_packed_sequence: batch_sizes must be at least 1 and not rise");
  k.batch_sizes = tensor({9, 2, 1, 1, 1});
  EXPECT_EQ(message([&] { nn::pad_packed_sequence(k); }),
            "pad_packed_sequence: batch_sizes do not add up to the 8 steps of data");
  k.batch_sizes = tensor({3, 2, 1, 1, 1});
  k.sorted_indices = tensor({0, 0, 1});
  EXPECT_EQ(message([&] { nn::pad_packed_sequence(k); }),
            "pad_packed_sequence: sorted_indices must name each of the 3 sequences once");
  EXPECT_EQ(message([] { nn::pad_sequence({}); }), "pad_sequence: there is no sequence");
  const std::vector<Tensor> apart{ones({2, 3}), ones({2, 4})};
  EXPECT_EQ(message([&] { nn::pad_sequence(apart); }),
            "pad_sequence: sequences of shapes [2, 3] and [2, 4] differ behind their length");
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
