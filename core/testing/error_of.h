// The text of the Error that a call throws.
#pragma once

#include <string>

#include "core/base/error.h"

namespace hearth::testing {

constexpr const char* kNoError = "no error";

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return kNoError;
}

}  // namespace hearth::testing
