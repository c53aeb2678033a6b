#include "serve/http/worker_internal.h"

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include "serve/base/clock.h"
#include "serve/http/session_internal.h"

namespace hearth::serve {
namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds kSweep{100};

}  // namespace

void HttpWorker::serve() {
  while (true) {
    try {
      io.run();
      return;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "hearth: a connection ended: %s\n", e.what());
    }
  }
}

void HttpWorker::sweep() {
  timer.expires_after(kSweep);
  timer.async_wait([this](error_code e) {
    if (e) return;
    // An exception must not end the checks.
    try {
      const Clock::time_point now = Clock::now();
      const std::vector<HttpSession*> all(sessions.begin(), sessions.end());
      for (HttpSession* s : all) {
        if (!sessions.contains(s)) continue;
        const auto still = s->weak_from_this().lock();
        if (!still) continue;
        try {
          still->check(now);
        } catch (const std::exception& thrown) {
          std::fprintf(stderr, "hearth: a connection ended: %s\n", thrown.what());
          still->close();
        }
      }
    } catch (const std::exception& thrown) {
      std::fprintf(stderr, "hearth: the connections' deadlines were not checked: %s\n", thrown.what());
    }
    sweep();
  });
}

void HttpWorker::make_room() {
  HttpSession* oldest = nullptr;
  for (HttpSession* s : sessions) {
    if (s->is_idle() && (!oldest || s->precedence() < oldest->precedence())) oldest = s;
  }
  if (!oldest) return;
  if (const auto still = oldest->weak_from_this().lock()) still->close();
}

}  // namespace hearth::serve
