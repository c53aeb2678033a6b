// HPACK against the examples of RFC 7541, appendix C; and the budget of memory.
#include <gtest/gtest.h>

#include "serve/base/memory_budget.h"
#include "serve/http2/hpack.h"

namespace hearth::serve {
namespace {

using http2::Headers;

std::string bytes(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

TEST(Hpack, RequestsWithHuffmansCode) {
  http2::HpackDecoder d;
  const auto read = [&](std::string_view hex) {
    Headers h;
    EXPECT_TRUE(d.decode(bytes(hex), 4096, h).ok());
    return h;
  };
  EXPECT_EQ(read("828684418cf1e3c2e5f23a6ba0ab90f4ff"),
            (Headers{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}}));
  EXPECT_EQ(read("828684be5886a8eb10649cbf"), (Headers{{":method", "GET"},
                                                       {":scheme", "http"},
                                                       {":path", "/"},
                                                       {":authority", "www.example.com"},
                                                       {"cache-control", "no-cache"}}));
  EXPECT_EQ(read("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"), (Headers{{":method", "GET"},
                                                                               {":scheme", "https"},
                                                                               {":path", "/index.html"},
                                                                               {":authority", "www.example.com"},
                                                                               {"custom-key", "custom-value"}}));
}

TEST(Hpack, LiteralsAndTheSizeOfTheTable) {
  http2::HpackDecoder d;
  Headers h;
  EXPECT_TRUE(d.decode(bytes("400a637573746f6d2d6b65790d637573746f6d2d686561646572"), 4096, h).ok());
  EXPECT_TRUE(d.decode(bytes("be"), 4096, h).ok());
  EXPECT_TRUE(d.decode(bytes("20"), 4096, h).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(d.decode(bytes("be"), 4096, h)));  // it has been evicted
  EXPECT_EQ(h, (Headers{{"custom-key", "custom-header"}, {"custom-key", "custom-header"}}));
  for (const char* bad : {"80", "ff8080808080", "0085", "00018a", "3fe21f", "8220", "00810000", "0084ffffffff00"})
    EXPECT_TRUE(absl::IsInvalidArgument(d.decode(bytes(bad), 4096, h))) << bad;
  EXPECT_TRUE(absl::IsResourceExhausted(d.decode(bytes("8286848286848286"), 100, h)));
}

TEST(Hpack, WhatIsWrittenIsRead) {
  const Headers in = {{"a", ""}, {"grpc-message", std::string(500, 'x')}, {"b", std::string(127, 'y')}};
  std::string block;
  http2::encode_headers(in, block);
  http2::HpackDecoder d;
  Headers out;
  EXPECT_TRUE(d.decode(block, 4096, out).ok());
  EXPECT_EQ(out, in);
}

TEST(MemoryBudget, ReservationsShareIt) {
  const auto budget = std::make_shared<MemoryBudget>(100);
  Reservation a(budget), b(budget);
  EXPECT_TRUE(a.resize(60).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(b.resize(41)));
  EXPECT_EQ(b.bytes(), 0);
  EXPECT_TRUE(b.resize(40).ok());
  EXPECT_TRUE(a.resize(10).ok());
  Reservation c = std::move(a);
  EXPECT_EQ(budget->in_use(), 50);
  c = Reservation();
  EXPECT_EQ(budget->in_use(), 40);
  b.release();
  EXPECT_EQ(budget->in_use(), 0);
  Reservation unbounded;
  EXPECT_TRUE(unbounded.resize(int64_t{1} << 60).ok());
}

}  // namespace
}  // namespace hearth::serve
