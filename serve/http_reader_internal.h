// Reads one request out of a connection's bytes, which come in pieces.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "serve/http.h"

namespace hearth::serve {

class HttpReader {
 public:
  HttpReader(int64_t max_head_bytes, int64_t max_body_bytes);
  ~HttpReader();

  // How many of the bytes it has taken. Those behind the request, and what it cannot judge yet, stay.
  size_t put(std::string_view data);

  // The answer to what cannot be taken; nothing more is read then.
  std::optional<HttpResponse>& refusal() { return refusal_; }
  bool has_head() const { return has_head_; }  // the head is there, and is to be taken
  bool is_done() const { return is_done_; }

  // Method, target and headers: of a refused request as far as they are known. What comes behind a chunked body is not
  // among them.
  HttpRequest& head() { return head_; }
  int64_t body_bytes() const;
  std::string take_body();
  int version() const { return version_; }  // 10 or 11
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
