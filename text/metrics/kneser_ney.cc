#include "text/metrics/kneser_ney.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "core/base/error.h"

namespace hearth::text {
namespace {

constexpr uint32_t kEmpty = 0;  // the number of the history without tokens

// A history's number and a token.
uint64_t key_of(uint32_t history, int32_t token) { return uint64_t{history} << 32 | static_cast<uint32_t>(token); }

}  // namespace

// The n-grams of one length: their histories have numbers, which the order below gives (the histories of n-grams are
// n-grams of one token less).
struct KneserNeyModel::Order {
  struct Gram {
    uint32_t number;  // of this n-gram as a history
    uint32_t count = 0;
  };
  struct History {
    uint64_t total = 0;                 // the sum of the counts
    std::array<uint32_t, 3> seen = {};  // n-grams with a count of 1, 2, and 3 or more
  };
  absl::flat_hash_map<uint64_t, Gram> grams;
  std::vector<History> histories;  // by number
  std::array<double, 3> discounts{};

  const Gram* find(uint32_t history, int32_t token) const {
    const auto at = grams.find(key_of(history, token));
    return at == grams.end() ? nullptr : &at->second;
  }
  // The n-gram, which is added with a count of 0 if it is new.
  Gram& at(uint32_t history, int32_t token) {
    return grams.try_emplace(key_of(history, token), Gram{static_cast<uint32_t>(grams.size() + 1)}).first->second;
  }
  void finish(size_t histories_below);
};

void KneserNeyModel::Order::finish(size_t histories_below) {
  histories.resize(histories_below + 1);
  std::array<double, 5> with{};  // n-grams with a count of 1 to 4
  for (const auto& [key, gram] : grams) {
    if (gram.count == 0) continue;
    History& h = histories[key >> 32];
    h.total += gram.count;
    ++h.seen[std::min<uint32_t>(gram.count, 3) - 1];
    if (gram.count <= 4) ++with[gram.count];
  }
  const double y = with[1] / (with[1] + 2 * with[2]);
  for (size_t i = 1; i <= 3; ++i) {
    discounts[i - 1] = static_cast<double>(i) - static_cast<double>(i + 1) * y * with[i + 1] / with[i];
  }
  // With few n-grams some of these numbers are 0, or their quotients absurd.
  if (!std::all_of(with.begin() + 1, with.end(), [](double n) { return n > 0; }) ||
      !std::all_of(discounts.begin(), discounts.end(), [](double d) { return d > 0; }))
    discounts = {0.5, 1, 1.5};
}

KneserNeyModel::~KneserNeyModel() = default;
KneserNeyModel::KneserNeyModel(KneserNeyModel&&) noexcept = default;
KneserNeyModel& KneserNeyModel::operator=(KneserNeyModel&&) noexcept = default;

KneserNeyModel::KneserNeyModel(std::span<const int32_t> tokens, int64_t vocabulary, int order)
    : vocabulary_(vocabulary) {
  HEARTH_CHECK(order >= 1 && order <= 16, "KneserNeyModel: the order must be from 1 to 16, but is ", order);
  HEARTH_CHECK(vocabulary >= 1, "KneserNeyModel: the vocabulary must be positive, but is ", vocabulary);
  HEARTH_CHECK(tokens.size() < std::numeric_limits<uint32_t>::max(), "KneserNeyModel: ", tokens.size(),
               " tokens are too many");
  for (const int32_t t : tokens) {
    HEARTH_CHECK(t >= 0 && t < vocabulary, "KneserNeyModel: the token ", t, " is not from 0 to ", vocabulary - 1);
  }
  for (int n = 1; n <= order; ++n) orders_.push_back(std::make_unique<Order>());

  // From each place, the last first, the n-grams that begin there. A longer one that is new is one more in front of its
  // rest, which begins at the next place and so has been seen.
  for (size_t begin = tokens.size(); begin-- > 0;) {
    const size_t most = std::min(orders_.size(), tokens.size() - begin);
    uint32_t history = kEmpty, rest = kEmpty;
    for (size_t n = 0; n < most; ++n) {
      Order& o = *orders_[n];
      const size_t before = o.grams.size();
      Order::Gram& gram = o.at(history, tokens[begin + n]);
      if (n + 1 == orders_.size()) ++gram.count;
      history = gram.number;
      if (n > 0) {
        Order::Gram& ending = orders_[n - 1]->at(rest, tokens[begin + n]);
        rest = ending.number;
        if (o.grams.size() > before) ++ending.count;
      }
    }
  }
  size_t below = 0;
  for (const std::unique_ptr<Order>& o : orders_) {
    o->finish(below);
    below = o->grams.size();
  }
}

double KneserNeyModel::log_probability(std::span<const int32_t> history, int32_t token) const {
  HEARTH_CHECK(token >= 0 && token < vocabulary_, "KneserNeyModel: the token ", token, " is not from 0 to ",
               vocabulary_ - 1);
  double p = 1 / static_cast<double>(vocabulary_);
  const size_t most = std::min(orders_.size() - 1, history.size());
  for (size_t length = 0; length <= most; ++length) {
    // The number of the last `length` tokens as a history.
    uint32_t number = kEmpty;
    bool known = true;
    for (size_t k = 0; k < length && known; ++k) {
      const Order::Gram* part = orders_[k]->find(number, history[history.size() - length + k]);
      known = part != nullptr;
      if (known) number = part->number;
    }
    if (!known) break;
    const Order& o = *orders_[length];
    const Order::History& h = o.histories[number];
    if (h.total == 0) break;
    const Order::Gram* gram = o.find(number, token);
    const uint32_t count = gram == nullptr ? 0 : gram->count;
    const auto total = static_cast<double>(h.total);
    double given = 0;  // to the shorter history
    for (size_t i = 0; i < 3; ++i) given += o.discounts[i] * h.seen[i];
    const double own = count == 0 ? 0 : count - o.discounts[std::min<uint32_t>(count, 3) - 1];
    p = own / total + given / total * p;
  }
  return std::log(p);
}

Perplexity KneserNeyModel::perplexity(std::span<const int32_t> tokens) const {
  Perplexity out;
  for (size_t i = 1; i < tokens.size(); ++i) {
    const size_t history = std::min(i, orders_.size() - 1);
    out.nll -= log_probability(tokens.subspan(i - history, history), tokens[i]);
    ++out.tokens;
  }
  return out;
}

const std::array<double, 3>& KneserNeyModel::discounts(int n) const {
  HEARTH_CHECK(n >= 1 && n <= order(), "KneserNeyModel: there are no n-grams of ", n, " tokens, only of 1 to ",
               order());
  return orders_[static_cast<size_t>(n - 1)]->discounts;
}

int64_t KneserNeyModel::count(int n) const {
  HEARTH_CHECK(n >= 1 && n <= order(), "KneserNeyModel: there are no n-grams of ", n, " tokens, only of 1 to ",
               order());
  return static_cast<int64_t>(orders_[static_cast<size_t>(n - 1)]->grams.size());
}

}  // namespace hearth::text
