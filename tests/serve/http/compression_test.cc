// Content codings: which one an answer gets, and that data come back as they were.
#include "serve/http/compression.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace hearth::serve {
namespace {

TEST(Compression, WhatTheClientAccepts) {
  const auto gzip = std::optional(Compression::kGzip), deflate = std::optional(Compression::kDeflate);
  EXPECT_EQ(accepted_compression("gzip"), gzip);
  EXPECT_EQ(accepted_compression("deflate"), deflate);
  EXPECT_EQ(accepted_compression("deflate, gzip, br"), gzip);
  EXPECT_EQ(accepted_compression("GZip ; Q=0.5"), gzip);
  EXPECT_EQ(accepted_compression("gzip;q=0.5, deflate;q=0.8"), deflate);
  EXPECT_EQ(accepted_compression("gzip;q=0, deflate"), deflate);
  EXPECT_EQ(accepted_compression("gzip;q=0.000"), std::nullopt);
  EXPECT_EQ(accepted_compression("*"), gzip);
  EXPECT_EQ(accepted_compression("*;q=0.1, gzip;q=0"), deflate);
  EXPECT_EQ(accepted_compression("gzip;q=0.2, identity;q=0.7"), std::nullopt);
  EXPECT_EQ(accepted_compression("gzip;q=0.7, identity;q=0.2"), gzip);
  EXPECT_EQ(accepted_compression("br"), std::nullopt);
  EXPECT_EQ(accepted_compression(""), std::nullopt);
  // Weights that are none are refusals.
  EXPECT_EQ(accepted_compression("gzip;q=nan, deflate;q=2"), std::nullopt);
  EXPECT_EQ(accepted_compression("not-gzip"), std::nullopt);
}

TEST(Compression, RoundTrips) {
  std::string data;
  for (int i = 0; i < 100'000; ++i) data += std::to_string(i * 7919 % 10'007);
  for (const Compression how : {Compression::kGzip, Compression::kDeflate}) {
    for (const std::string& text : {data, std::string(), std::string(5'000'000, 'a')}) {
      const std::string packed = compress(text, how);
      const auto unpacked = decompress(packed, text.size());
      ASSERT_TRUE(unpacked.ok()) << unpacked.status();
      EXPECT_EQ(*unpacked, text);
      if (!text.empty()) {
        EXPECT_TRUE(absl::IsResourceExhausted(decompress(packed, text.size() - 1).status()));
      }
      EXPECT_TRUE(absl::IsDataLoss(decompress(packed.substr(0, packed.size() - 1), text.size()).status()));
      EXPECT_TRUE(absl::IsDataLoss(decompress(packed + "x", text.size()).status()));
    }
  }
}

}  // namespace
}  // namespace hearth::serve
