// What comes over a connection to a server in this process. Whatever it is, the server answers with HTTP or with
// nothing, and goes on.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "serve/server.h"
#include "tests/serve/client.h"
#include "tests/serve/models.h"

namespace {

hearth::serve::Server& server() {
  static hearth::serve::Server* const running = [] {
    hearth::serve::ServerOptions options;
    options.http = {.address = "127.0.0.1", .max_body_bytes = 1 << 16};
    options.api.max_body_bytes = 1 << 16;
    options.serve_admin = false;
    auto s = hearth::serve::Server::start(
        options, hearth::serve::Repository::of("scale", std::make_shared<hearth::serve::testing::Scale>()));
    if (!s.ok()) std::abort();
    return s->release();
  }();
  return *running;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::serve::testing::Client c(server().port());
  if (!c.connected()) {
    std::perror("http_fuzz: no connection");
    std::abort();
  }
  c.send({reinterpret_cast<const char*>(data), size});
  c.end_sending();
  const std::string all = c.rest();
  if (!all.empty() && !all.starts_with("HTTP/1.1 ")) {
    std::fprintf(stderr, "http_fuzz: the answer is not HTTP: %s\n", all.c_str());
    std::abort();
  }
  return 0;
}
