// Frames and messages of WebSockets, good ones and hostile ones.
#include "serve/http/websocket.h"

#include <gtest/gtest.h>

#include "tests/serve/websocket_client.h"

namespace hearth::serve {
namespace {

using testing::client_frame;

constexpr size_t kLimit = 1000;

// The failure of these bytes; 0 if there is none.
int failure(const std::string& bytes, size_t limit = kLimit) {
  WebSocketReader r(limit);
  r.put(bytes);
  while (r.next()) continue;
  return r.failure() ? static_cast<int>(*r.failure()) : 0;
}

TEST(WebSocket, TheKeysAnswerIsRfc6455s) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocket, AServersFramesAreRfc6455s) {
  EXPECT_EQ(websocket_frame(WebSocketOpcode::kText, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(websocket_frame(WebSocketOpcode::kBinary, std::string(256, 'a')).substr(0, 4),
            std::string("\x82\x7e\x01\x00", 4));
  EXPECT_EQ(websocket_frame(WebSocketOpcode::kBinary, std::string(65536, 'a')).substr(0, 10),
            std::string("\x82\x7f\0\0\0\0\0\x01\0\0", 10));
  EXPECT_EQ(websocket_close(WebSocketClose::kTooLarge, "big"), std::string("\x88\x05\x03\xf1") + "big");
  // Cut where a character ends.
  std::string reason = "x";
  for (int i = 0; i < 100; ++i) reason += "\xc3\xa4";
  EXPECT_EQ(websocket_close(WebSocketClose::kPolicy, reason).size(), 2u + 2 + 123);
}

TEST(WebSocket, MessagesComeInPartsOfAnySize) {
  // RFC 6455, section 5.7: a masked "Hello".
  const std::string hello = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
  const std::string all = hello + client_frame(0x01, "Hel") + client_frame(0x89, "ping") + client_frame(0x00, "") +
                          client_frame(0x80, "lo") + client_frame(0x82, std::string(126, 'b')) +
                          client_frame(0x82, "") + client_frame(0x88, "\x03\xe8 bye");
  for (size_t piece : {size_t{1}, size_t{3}, all.size()}) {
    WebSocketReader r(kLimit);
    std::vector<WebSocketMessage> got;
    for (size_t at = 0; at < all.size(); at += piece) {
      r.put(std::string_view(all).substr(at, piece));
      while (auto m = r.next()) got.push_back(*std::move(m));
    }
    ASSERT_EQ(got.size(), 6u);
    EXPECT_EQ(got[0].payload, "Hello");
    EXPECT_EQ(got[0].opcode, WebSocketOpcode::kText);
    EXPECT_EQ(got[1].payload, "ping");
    EXPECT_EQ(got[1].opcode, WebSocketOpcode::kPing);
    EXPECT_EQ(got[2].payload, "Hello");
    EXPECT_EQ(got[3].payload, std::string(126, 'b'));
    EXPECT_EQ(got[3].opcode, WebSocketOpcode::kBinary);
    EXPECT_EQ(got[4].payload, "");
    EXPECT_EQ(got[5].opcode, WebSocketOpcode::kClose);
    EXPECT_FALSE(r.failure());
    // Nothing counts after a close frame.
    r.put("\x7f");
    EXPECT_FALSE(r.next());
    EXPECT_FALSE(r.failure());
  }
}

TEST(WebSocket, WhatIsWrongHasItsCode) {
  EXPECT_EQ(failure("\x81\x05Hello"), 1002);                            // not masked
  EXPECT_EQ(failure(client_frame(0xc1, "a")), 1002);                    // a reserved bit
  EXPECT_EQ(failure(client_frame(0x83, "a")), 1002);                    // an opcode that does not exist
  EXPECT_EQ(failure(client_frame(0x8b, "a")), 1002);                    // nor as a control frame
  EXPECT_EQ(failure(client_frame(0x09, "a")), 1002);                    // a ping in parts
  EXPECT_EQ(failure(client_frame(0x89, std::string(126, 'a'))), 1002);  // a long ping
  EXPECT_EQ(failure(client_frame(0x80, "a")), 1002);                    // goes on with nothing
  EXPECT_EQ(failure(client_frame(0x01, "a") + client_frame(0x81, "b")), 1002);
  EXPECT_EQ(failure(std::string("\x82\xfe\x00\x7d", 4) + std::string(200, 'a')), 1002);  // 125 bytes in the long form
  EXPECT_EQ(failure(std::string("\x82\xff\x00\x00\x00\x00\x00\x00\x00\x7e", 10) + std::string(200, 'a')), 1002);
  EXPECT_EQ(failure(std::string("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00mask", 14)), 1002);
  EXPECT_EQ(failure(std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", 14)), 1009);  // before it has come
  EXPECT_EQ(failure(client_frame(0x82, std::string(kLimit, 'a'))), 0);
  EXPECT_EQ(failure(client_frame(0x82, std::string(kLimit + 1, 'a'))), 1009);
  EXPECT_EQ(failure(client_frame(0x02, std::string(kLimit, 'a')) + client_frame(0x80, "a")), 1009);
  EXPECT_EQ(failure(client_frame(0x81, "\xff")), 1007);
  EXPECT_EQ(failure(client_frame(0x01, "\xc3") + client_frame(0x80, "\xa4")), 0);  // a character in two parts
  EXPECT_EQ(failure(client_frame(0x88, "a")), 1002);
  EXPECT_EQ(failure(client_frame(0x88, "\x03\xed")), 1002);  // 1005 is never sent
  EXPECT_EQ(failure(client_frame(0x88, "\x03\xe8\xff")), 1007);
  EXPECT_EQ(failure(client_frame(0x88, "")), 0);
}

TEST(WebSocket, BytesThatAreHeldAreBounded) {
  WebSocketReader r(kLimit);
  for (int i = 0; i < 1000; ++i) {
    r.put(client_frame(0x82, std::string(500, 'a')));
    ASSERT_TRUE(r.next());
    ASSERT_LE(r.bytes(), 64u);
  }
}

TEST(WebSocket, WhatIsDoneIsFreedAndTheRestIsCounted) {
  constexpr size_t kLarge = 1 << 20;
  WebSocketReader r(kLarge);
  const std::string frame = client_frame(0x82, std::string(kLarge, 'a'));
  r.put(frame + frame.substr(0, 100));
  EXPECT_GE(r.bytes(), kLarge);
  ASSERT_TRUE(r.next());
  EXPECT_FALSE(r.next());
  EXPECT_GE(r.bytes(), 100u);
  EXPECT_LE(r.bytes(), 400u);
  r.put(frame.substr(100));
  ASSERT_TRUE(r.next());
  EXPECT_LE(r.bytes(), 64u);
  r.put(frame + "\x81");  // then something wrong
  ASSERT_TRUE(r.next());
  r.put("\x01");
  EXPECT_FALSE(r.next());
  EXPECT_TRUE(r.failure());
  EXPECT_LE(r.bytes(), 64u);
}

}  // namespace
}  // namespace hearth::serve
