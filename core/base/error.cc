#include "core/base/error.h"

#include <charconv>

#include "core/base/thread_state.h"

namespace hearth::detail {

void append_int(std::string& out, long long v) { out += std::to_string(v); }
void append_uint(std::string& out, unsigned long long v) { out += std::to_string(v); }
void append_double(std::string& out, double v) {
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  out.append(buffer, end);
}

namespace {
// True if the message's first word is this name.
bool begins_with(std::string_view message, std::string_view name) {
  if (!message.starts_with(name)) return false;
  const char next = message.size() > name.size() ? message[name.size()] : ' ';
  return next == ':' || next == ' ';
}
}  // namespace

void throw_error(ErrorKind kind, std::string message) {
  if (const char* called = thread_state.called; called && !begins_with(message, called))
    message = concat(called, ": ", message);
  std::string path = module_path();
  if (!path.empty()) message = "in " + path + ": " + message;
  throw Error(kind, std::move(message));
}

}  // namespace hearth::detail
