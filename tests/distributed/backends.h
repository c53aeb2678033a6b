// Ranks for tests: threads that copy, and threads that talk over Gloo.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "distributed/gloo/gloo_backend.h"
#include "distributed/threads/threads_backend.h"

namespace hearth::distributed {

inline BackendFactory factory_of(const std::string& backend) {
  return backend == "gloo" ? gloo_backend("127.0.0.1") : threads_backend();
}

/// With times that a slow machine keeps: an operation that is to fail for its time gets one of its own by
/// set_timeout().
inline GroupOptions patient() { return {.timeout = std::chrono::minutes(10), .grace = std::chrono::seconds(30)}; }

/// Runs the body on each rank; what it throws fails the test.
inline void on_ranks(const std::string& backend, int ranks, const std::function<void(ProcessGroup&)>& body,
                     const GroupOptions& options = patient()) {
  run_ranks(ranks, body, options, factory_of(backend));
}

/// The text of the Error that f throws.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace hearth::distributed
