// The only file that includes Beast's parser (beast_impl.cc compiles parts of it).
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "core/base/error.h"
#include "serve/http/reader_internal.h"
#include "serve/http/rules.h"

namespace hearth::serve {

namespace http = boost::beast::http;
using boost::system::error_code;

struct HttpReader::Parser {
  http::request_parser<http::string_body> parser;
};

HttpReader::HttpReader(int64_t max_head_bytes, int64_t max_body_bytes)
    : max_head_bytes_(max_head_bytes), max_body_bytes_(max_body_bytes), parser_(std::make_unique<Parser>()) {
  auto& p = parser_->parser;
  p.header_limit(static_cast<uint32_t>(max_head_bytes) + 1);  // a head of exactly that size is accepted
  p.body_limit(static_cast<uint64_t>(max_body_bytes));
}
HttpReader::~HttpReader() = default;

size_t HttpReader::put(std::string_view data) {
  size_t taken = 0;
  bool goes_on = !is_done_ && !refusal_.has_value();
  while (goes_on && taken < data.size()) {
    error_code e;
    const size_t n = parser_->parser.put(boost::asio::buffer(data.data() + taken, data.size() - taken), e);
    taken += n;
    if (!has_head_) head_bytes_ += static_cast<int64_t>(n);
    goes_on = look(e, static_cast<int64_t>(data.size() - taken)) && n > 0;
  }
  return taken;
}

// Whether the parser can go on; `left` bytes are there.
bool HttpReader::look(error_code e, int64_t left) {
  auto& p = parser_->parser;
  const bool too_long = e == http::error::header_limit || head_bytes_ > max_head_bytes_ ||
                        (e == http::error::need_more && !p.is_header_done() && head_bytes_ + left > max_head_bytes_);
  if (!has_head_ && too_long) {
    take_head();
    refusal_ = failure(431, concat("the request's header is larger than ", max_head_bytes_, " bytes"));
    return false;
  }
  if (e == http::error::need_more) return false;
  if (e) {
    if (!has_head_) take_head();
    refusal_ = e == http::error::body_limit
                   ? failure(413, concat("the request's body is larger than ", max_body_bytes_, " bytes"))
                   : failure(400, concat("malformed HTTP request: ", e.message()));
    return false;
  }
  if (!has_head_ && p.is_header_done()) {
    take_head();
    refusal_ = check_head(head_, version_);
    has_head_ = !refusal_.has_value();
    p.eager(true);
  }
  is_done_ = has_head_ && p.is_done();
  return !is_done_ && !refusal_.has_value();
}

void HttpReader::take_head() {
  const auto& m = parser_->parser.get();
  head_.method = std::string(m.method_string());
  head_.target = std::string(m.target());
  for (const auto& f : m) head_.headers.emplace_back(std::string(f.name_string()), std::string(f.value()));
  version_ = m.version() < 11 ? 10 : 11;
  keep_alive_ = m.keep_alive();
}

int64_t HttpReader::body_bytes() const { return static_cast<int64_t>(parser_->parser.get().body().size()); }
std::string HttpReader::take_body() { return std::move(parser_->parser.get().body()); }

}  // namespace hearth::serve
