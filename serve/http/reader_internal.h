// HttpReader: parses one request from a connection's bytes, which come in pieces.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "serve/http/message.h"

namespace hearth::serve {

/// Put bytes in until is_done() or there is a refusal().
class HttpReader {
 public:
  /// The largest head, from the request line to the empty line, and the largest body.
  HttpReader(int64_t max_head_bytes, int64_t max_body_bytes);
  ~HttpReader();

  /// Parses bytes and returns how many it took. Bytes behind the request, and bytes that it needs more of, are not
  /// taken: put them in again.
  size_t put(std::string_view data);

  /// The response to a malformed or too large request. Nothing more is parsed then.
  std::optional<HttpResponse>& refusal() { return refusal_; }
  /// Whether the head is complete and acceptable.
  bool has_head() const { return has_head_; }
  /// Whether the request is complete.
  bool is_done() const { return is_done_; }

  /// Method, target and headers, without the trailers of a chunked body; of a refused request what was parsed.
  HttpRequest& head() { return head_; }
  /// The bytes of the body that have come.
  int64_t body_bytes() const;
  std::string take_body();
  /// HTTP's version, 10 or 11.
  int version() const { return version_; }
  bool keep_alive() const { return keep_alive_; }

 private:
  struct Parser;
  bool look(boost::system::error_code e, int64_t left);
  void take_head();

  const int64_t max_head_bytes_, max_body_bytes_;
  std::unique_ptr<Parser> parser_;
  std::optional<HttpResponse> refusal_;
  HttpRequest head_;
  int64_t head_bytes_ = 0;
  int version_ = 11;
  bool has_head_ = false, is_done_ = false, keep_alive_ = false;
};

}  // namespace hearth::serve
