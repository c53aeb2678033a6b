// Sound over a WebSocket as it arrives: the same text as of the whole sound, labels of the last window, and clients
// that do it wrong.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <thread>

#include "audio/codec/codec.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/hearth.h"
#include "serve/model/ctc_text.h"
#include "serve/model/decoder.h"
#include "serve/model/sample_stream.h"
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

// Whose text is that of the last 400 samples.
graph::Exported window_text_model() {
  graph::Exported m = text_model();
  m.signature.metadata = {{"decoder", "ctc"}, {"window_samples", "400"}};
  return m;
}

// Files that take a worker until they may go on.
std::atomic<bool> decoding{false}, decode_on{false};
constexpr Decoder kHeldDecoder{
    "held", [](std::string_view, const std::map<std::string, std::string>&) -> absl::StatusOr<std::vector<Tensor>> {
      decoding = true;
      while (!decode_on) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return absl::InvalidArgumentError("decoded");
    }};
HEARTH_DECODER(kHeldDecoder);

// A model of sounds whose runs can be held.
class HeldSounds : public testing::Scale {
 public:
  HeldSounds() {
    signature_.preprocess_input = {{"type", "audio"}, {"sample_rate", "8000"}, {"channels", "1"}};
    signature_.metadata = {{"window_samples", "100"}};
  }
  absl::StatusOr<std::vector<Tensor>> preprocess(std::span<const Tensor>) const override {
    return std::vector<Tensor>{zeros({1, 2})};
  }
};

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
  EXPECT_EQ(status("text/stream?rate=120001"), 400);  // a large filter
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

TEST_F(StreamTest, AWindowsTextIsThatOfTheWindowAlone) {
  add("window_text", window_text_model());
  start({});
  const auto wav = audio::encode_audio(from_values(sound(), {1, 400}), kRate, audio::FileFormat::kWav);
  ASSERT_TRUE(wav.ok()) << wav.status();
  const std::string text = text_of(Client(server->port()).post("/v2/models/text/predict", *wav).body);
  ASSERT_GE(text.size(), 4u);
  std::string half_a_second;
  for (int i = 0; i < 10; ++i) half_a_second += pcm(sound());
  WebSocketClient c = open("window_text/stream");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text_of(c.ask(kBinary, half_a_second)), text) << i;
  EXPECT_EQ(text_of(c.ask(kText, kEnd)), text);
}

TEST_F(StreamTest, WhatStreamsKeepIsInTheBudget) {
  graph::Exported patient = window_model();
  patient.signature.metadata["window_samples"] = "4000000";
  add("patient", patient);
  ServerOptions options;
  options.http.max_pending_bytes = 1 << 20;
  start(options);
  {
    WebSocketClient c = open("patient/stream");
    const std::string part = pcm(std::vector<int16_t>(50'000, 100));
    for (int64_t i = 1; i <= 3; ++i) {
      EXPECT_NE(c.ask(kBinary, part).find("\"result\""), std::string::npos);
      EXPECT_GE(server->memory()->in_use(), i * 200'000);
    }
    for (int i = 0; i < 3; ++i) c.send(kBinary, part);
    EXPECT_EQ(c.closed(), 1013);
  }
  EXPECT_EQ(testing::bytes_kept(*server->memory()), 0);
  // A filter counts too.
  WebSocketClient c = open("text/stream?rate=11025");
  c.ask(kBinary, pcm(std::vector<int16_t>(10, 0)));
  EXPECT_GE(server->memory()->in_use(), 320 * 17 * 4);
}

TEST_F(StreamTest, AFullWorkQueueEndsNoStreams) {
  graph::Exported files = window_model();
  files.signature.preprocess_input = {{"type", "held"}};
  add("files", files);
  ServerOptions options;
  options.http.threads = 1;
  start(options);
  Client file(server->port());
  file.send("POST /v2/models/files/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na");
  while (!decoding) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::vector<std::unique_ptr<WebSocketClient>> streams;
  for (int i = 0; i < 300; ++i) {
    streams.push_back(std::make_unique<WebSocketClient>(server->port(), "/v2/models/text/stream"));
    streams.back()->send(kBinary, "ab");
  }
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Client(server->port()).get("/healthz").status, 200);  // all are read
  decode_on = true;
  for (const auto& s : streams) {
    const auto answer = s->read();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->opcode, 1);
  }
  EXPECT_EQ(file.read().status, 400);
}

TEST(Stream, AMessageThatTheQueueRefusesIsCountedOnce) {
  const auto model = std::make_shared<HeldSounds>();
  model->hold(true);
  ServerOptions options;
  options.http.address = "127.0.0.1";
  options.http.port = 0;
  options.serve_admin = false;
  auto server =
      Server::start(options, Repository::of("held", model, {.max_batch_size = 1, .instances = 1, .max_queue_size = 1}));
  ASSERT_TRUE(server.ok()) << server.status();
  const auto served = (*server)->models().find("held");
  ASSERT_TRUE(served.ok());
  const auto stream = [&] { return WebSocketClient((*server)->port(), "/v2/models/held/stream"); };
  const std::string half_a_second = pcm(std::vector<int16_t>(4000, 0));
  WebSocketClient runs = stream(), waits = stream(), third = stream();
  runs.send(kBinary, half_a_second);
  while (model->batches().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  waits.send(kBinary, half_a_second);
  while ((*served)->stats->pending == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  third.send(kBinary, half_a_second);
  EXPECT_EQ(third.closed(), 1013);
  EXPECT_EQ((*served)->stats->failures[static_cast<size_t>(Failure::kRejected)], 1);
  EXPECT_EQ((*served)->stats->fail.count, 1);
  model->hold(false);
  for (WebSocketClient* c : {&runs, &waits}) {
    const auto answer = c->read();
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->payload.find("\"result\""), std::string::npos) << answer->payload;
  }
}

TEST(Stream, ARunWhoseResultHasNoRoomIsCountedOnce) {
  const auto model = std::make_shared<HeldSounds>();
  model->hold(true);
  ServerOptions options;
  options.http.address = "127.0.0.1";
  options.http.port = 0;
  options.serve_admin = false;
  auto server = Server::start(options, Repository::of("held", model, {}));
  ASSERT_TRUE(server.ok()) << server.status();
  const auto served = (*server)->models().find("held");
  ASSERT_TRUE(served.ok());
  WebSocketClient c((*server)->port(), "/v2/models/held/stream");
  c.send(kBinary, pcm(std::vector<int16_t>(4000, 0)));
  while (model->batches().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // While it runs, others take all the memory.
  Reservation rest((*server)->memory());
  ASSERT_TRUE(rest.resize((*server)->memory()->limit() - (*server)->memory()->in_use()).ok());
  model->hold(false);
  EXPECT_EQ(c.closed(), 1013);
  EXPECT_EQ((*served)->stats->success.count, 1);
  EXPECT_EQ((*served)->stats->fail.count, 0);
}

TEST_F(StreamTest, TheStateIsAStreamsOwn) {
  const auto model = load_servable(root_ + "/text/1");
  ASSERT_TRUE(model.ok()) << model.status();
  const auto stream = SampleStream::open(**model, kRate);
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_TRUE((*stream)->feed(zeros({1, 16}), false).ok());
  Tensor batch = full({64, 1}, 3.0);
  const std::vector<Value> outputs = {Value(zeros({1, 7, 3})), Value(batch.slice(0, 5, 6))};
  ASSERT_TRUE((*stream)->take(outputs).ok());
  EXPECT_LT((*stream)->bytes(), 100);
  batch.fill_(9);
  const auto next = (*stream)->feed(zeros({1, 16}), false);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->at(1).tensor().item<float>(), 3);
}

TEST(CtcText, TakesAllThatArgmaxTakes) {
  graph::Signature s;
  s.labels = {"-", "a", "\xc3\xa9"};
  CtcText text(s);
  const double never = -std::numeric_limits<double>::infinity();
  EXPECT_TRUE(text.add(tensor({{{never, 1.0, 0.0}, {never, never, -5.0}}})).ok());
  EXPECT_EQ(text.text(), "a\xc3\xa9");
  EXPECT_TRUE(text.add(zeros({1, 0, 3})).ok());
  EXPECT_TRUE(absl::IsInternal(text.add(full({1, 2, 3}, std::nan("")))));
  EXPECT_TRUE(absl::IsInternal(text.add(full({1, 2, 3}, -never))));
  EXPECT_TRUE(absl::IsFailedPrecondition(text.add(zeros({2, 3}))));
  EXPECT_EQ(text.text(), "a\xc3\xa9");
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
