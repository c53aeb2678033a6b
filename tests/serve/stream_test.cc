// Sound over a WebSocket as it arrives: the same text as of the whole sound, labels of the last window, and clients
// that do it wrong.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "audio/codec/codec.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/hearth.h"
#include "serve/server.h"
#include "tests/serve/client.h"
#include "tests/serve/models.h"
#include "tests/serve/websocket_client.h"

namespace hearth::serve {
namespace {

using testing::Client;
using testing::WebSocketClient;

constexpr int64_t kRate = 8000;
constexpr int kText = 0x81, kBinary = 0x82, kPing = 0x89, kClose = 0x88;
const std::string kEnd = R"({"end":true})";

// Steps of 4 samples, every 2. Their sums, added up over all steps, are near 0 (the blank), above ("p") or below ("n"):
// what a step gives depends on all before it.
Tensor steps_of(const Tensor& x) {
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < 4; ++i) parts.push_back(x[0].slice(0, i, x.size(1) - 3 + i, 2));
  return stack(parts, 1);
}
graph::Exported text_model() {
  const graph::Spec sound[] = {{"sound", f32, {1, graph::Size("samples", 16)}}};
  const graph::Spec inputs[] = {{"steps", f32, {"batch", "time", 4}}, {"state", f32, {"batch", 1}}};
  graph::Exported m{
      .main = graph::trace(
          [](std::span<const Tensor> in) {
            const Tensor c = cumsum(in[0].sum({2}), 1) + in[1];
            return std::vector<Tensor>{stack({full_like(c, 0.5), c, -c}, 2), c.slice(1, c.size(1) - 1, c.size(1))};
          },
          inputs, {.outputs = {"scores", "next"}}),
      .preprocess = graph::trace(
          [](std::span<const Tensor> in) {
            return std::vector<Tensor>{steps_of(in[0]), zeros({1})};
          },
          sound, {.outputs = {"steps", "state"}}),
      .signature = {}};
  m.signature.labels = {"-", "p", "n"};
  m.signature.preprocess_input = {{"type", "audio"}, {"sample_rate", "8000"}, {"channels", "1"}};
  m.signature.metadata = {
      {"decoder", "ctc"}, {"stream_samples", "4"}, {"stream_hop", "2"}, {"stream_state", "state=next"}};
  return m;
}
// Loud or not, of the last 4000 samples.
graph::Exported window_model() {
  const graph::Spec sound[] = {{"sound", f32, {1, "samples"}}}, input[] = {{"level", f32, {"batch", 2}}};
  graph::Exported m{
      .main = graph::trace([](std::span<const Tensor> in) { return std::vector<Tensor>{in[0] * 1.0}; }, input),
      .preprocess = graph::trace(
          [](std::span<const Tensor> in) {
            const Tensor loud = abs(in[0]).mean();
            return std::vector<Tensor>{stack({loud * 10, 1 - loud * 10}, 0)};
          },
          sound),
      .signature = {}};
  m.signature.labels = {"loud", "low"};
  m.signature.preprocess_input = {{"type", "audio"}, {"sample_rate", "8000"}, {"channels", "1"}};
  m.signature.metadata = {{"window_samples", "4000"}};
  return m;
}

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    root_ = ::testing::TempDir() + "/stream_models";
    std::filesystem::remove_all(root_);
    add("text", text_model());
    add("window", window_model());
    graph::Exported wrong = text_model();
    wrong.signature.metadata["stream_state"] = "state=nowhere";
    add("wrong", wrong);
    start({});
  }
  void start(ServerOptions options) {
    server.reset();
    options.repository.directory = root_;
    options.http.address = "127.0.0.1";
    options.serve_admin = false;
    auto s = Server::start(options);
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  void add(const std::string& name, const graph::Exported& model) const {
    std::filesystem::create_directories(root_ + "/" + name);
    EXPECT_TRUE(graph::save(model, root_ + "/" + name + "/1").ok());
  }
  WebSocketClient open(const std::string& target, const std::string& headers = "") const {
    return WebSocketClient(server->port(), "/v2/models/" + target, headers);
  }
  int status(const std::string& target, const std::string& headers = "") const {
    return WebSocketClient(server->port(), "/v2/models/" + target, headers).answer.status;
  }

  std::string root_;
  std::unique_ptr<Server> server;
};

// Blocks of a few values, so that sums stay exact and the text is long.
std::vector<int16_t> sound() {
  std::vector<int16_t> values;
  for (int i = 0; i < 400; ++i) values.push_back(static_cast<int16_t>((i / 10 * 7919) % 3 * 8192 - 8192));
  return values;
}
std::string pcm(const std::vector<int16_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * 2};
}
std::string text_of(const std::string& json) {
  const size_t at = json.find("\"text\":\"");
  return at == std::string::npos ? json : json.substr(at + 8, json.find('"', at + 8) - at - 8);
}

TEST_F(StreamTest, PartsGiveTheTextOfTheWhole) {
  const std::vector<int16_t> values = sound();
  const auto wav = audio::encode_audio(from_values(values, {1, 400}), kRate, audio::FileFormat::kWav);
  ASSERT_TRUE(wav.ok()) << wav.status();
  const testing::Answer whole = Client(server->port()).post("/v2/models/text/predict", *wav);
  ASSERT_EQ(whole.status, 200) << whole.body;
  const std::string text = text_of(whole.body);
  ASSERT_GE(text.size(), 4u) << whole.body;
  for (const size_t part : {size_t{2}, size_t{7}, size_t{100}, size_t{800}}) {
    WebSocketClient c = open("text/stream");
    ASSERT_EQ(c.answer.status, 101) << c.answer.body;
    EXPECT_NE(c.answer.head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    std::string last;
    const std::string bytes = pcm(values);
    for (size_t at = 0; at < bytes.size(); at += part) {
      const std::string answer = c.ask(kBinary, bytes.substr(at, part));
      EXPECT_NE(answer.find("\"final\":false"), std::string::npos) << answer;
      const std::string partial = text_of(answer);
      EXPECT_EQ(partial.substr(0, last.size()), last);  // it only grows
      last = partial;
    }
    const std::string answer = c.ask(kText, kEnd);
    EXPECT_EQ(text_of(answer), text) << part;
    EXPECT_NE(answer.find("\"seconds\":0.05,\"final\":true"), std::string::npos) << answer;
    EXPECT_EQ(c.closed(), 1000);
    EXPECT_TRUE(c.ended());
  }
  // Floats, and a message in parts with a ping between them.
  std::vector<float> floats;
  for (const int16_t v : values) floats.push_back(static_cast<float>(v) / 32768.0F);
  const std::string bytes(reinterpret_cast<const char*>(floats.data()), floats.size() * 4);
  WebSocketClient c = open("text/versions/1/stream?format=f32&rate=8000");
  c.send(0x02, bytes.substr(0, 333));
  c.send(kPing, "are you there");
  c.send(kClose - 8, bytes.substr(333));  // the continuation, and the last
  const auto pong = c.read();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, 10);
  EXPECT_EQ(pong->payload, "are you there");
  const auto answer = c.read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(text_of(answer->payload), text);
}

TEST_F(StreamTest, OtherModelsAnswerOfTheLastWindow) {
  WebSocketClient c = open("window/stream?top=1&rate=16000");
  ASSERT_EQ(c.answer.status, 101) << c.answer.body;
  const std::string loud = pcm(std::vector<int16_t>(8000, 16000)), low = pcm(std::vector<int16_t>(1000, 0));
  const std::string first = c.ask(kBinary, low);
  EXPECT_EQ(first, R"({"seconds":0.0625,"final":false})");  // too early for an answer
  EXPECT_NE(c.ask(kBinary, loud).find("\"label\":\"loud\""), std::string::npos);
  std::string answer;
  for (int i = 0; i < 40; ++i) answer = c.ask(kBinary, low);
  EXPECT_NE(answer.find("\"label\":\"low\""), std::string::npos) << answer;
  EXPECT_NE(c.ask(kText, " { \"end\" : true } ").find("\"final\":true"), std::string::npos);
  EXPECT_EQ(c.closed(), 1000);
}

TEST_F(StreamTest, RequestsThatCannotBeStreamsAreRefused) {
  EXPECT_EQ(Client(server->port()).get("/v2/models/text/stream").status, 426);
  EXPECT_EQ(status("nowhere/stream"), 404);
  EXPECT_EQ(status("text/stream?rate=0"), 400);
  EXPECT_EQ(status("text/stream?rate=999"), 400);
  EXPECT_EQ(status("text/stream?format=mp3"), 400);
  EXPECT_EQ(status("text/stream?top=x"), 400);
  EXPECT_EQ(status("wrong/stream"), 500);
  EXPECT_EQ(status("text/stream", "Origin: http://elsewhere.example\r\n"), 403);
  EXPECT_EQ(status("text/stream", "Origin: http://localhost\r\n"), 101);
  Client c(server->port());
  c.send(
      "GET /v2/models/text/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n");
  EXPECT_EQ(c.read().status, 400);
  ServerOptions options;
  options.api.tokens.inference = {"secret-token-of-16"};
  start(options);
  EXPECT_EQ(status("text/stream"), 401);
  EXPECT_EQ(status("text/stream", "Authorization: Bearer secret-token-of-16\r\n"), 101);
}

TEST_F(StreamTest, ClientsThatDoItWrongAreClosed) {
  const auto code = [&](int first, const std::string& payload) {
    WebSocketClient c = open("text/stream");
    c.send(first, payload);
    return c.closed();
  };
  EXPECT_EQ(code(kText, "hello"), 1003);
  EXPECT_EQ(code(kText, "\xff"), 1007);
  EXPECT_EQ(code(0x80, "continues nothing"), 1002);
  EXPECT_EQ(code(kBinary, std::string((1 << 20) + 1, 'a')), 1009);
  EXPECT_EQ(code(kClose, "\x03\xe8"), 1000);
  WebSocketClient half = open("text/stream");
  half.ask(kBinary, "abc");
  half.send(kText, kEnd);
  EXPECT_EQ(half.closed(), 1008);
  WebSocketClient nan = open("text/stream?format=f32");
  const float value = std::numeric_limits<float>::quiet_NaN();
  nan.send(kBinary, {reinterpret_cast<const char*>(&value), 4});
  EXPECT_EQ(nan.closed(), 1008);
  // A client that goes away without a word.
  { open("text/stream").ask(kBinary, pcm(sound())); }
  EXPECT_EQ(Client(server->port()).get("/healthz").status, 200);
}

TEST_F(StreamTest, WhoSaysNothingIsClosedAndADrainEndsAll) {
  ServerOptions options;
  options.http.idle_timeout = std::chrono::milliseconds(300);
  start(options);
  WebSocketClient idle = open("text/stream");
  EXPECT_EQ(idle.closed(), 1001);
  start({});
  WebSocketClient open_one = open("text/stream");
  open_one.ask(kBinary, pcm(sound()));
  EXPECT_TRUE(server->drain());
  EXPECT_EQ(open_one.closed(), 1001);
}

}  // namespace
}  // namespace hearth::serve
