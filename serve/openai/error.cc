#include "serve/openai/error.h"

#include <optional>

#include "absl/strings/cord.h"
#include "serve/base/json_writer.h"

namespace hearth::serve {
namespace {

constexpr const char *kParam = "hearth.openai.param", *kCode = "hearth.openai.code";

std::optional<std::string> payload(const absl::Status& s, const char* key) {
  const auto value = s.GetPayload(key);
  if (!value) return {};
  return std::string(*value);
}

}  // namespace

absl::Status with_param(absl::Status s, std::string_view param, std::string_view code) {
  s.SetPayload(kParam, absl::Cord(absl::string_view(param.data(), param.size())));
  if (!code.empty()) s.SetPayload(kCode, absl::Cord(absl::string_view(code.data(), code.size())));
  return s;
}

std::string openai_error_json(int http_status, const absl::Status& s) {
  std::string out;
  JsonWriter json(out);
  const auto text_or_null = [&](const char* key, const std::optional<std::string>& value) {
    json.key(key);
    value ? json.value(*value) : json.raw("null");
  };
  std::optional<std::string> code = payload(s, kCode);
  if (!code && http_status == 401) code = "invalid_api_key";
  if (!code && http_status == 429) code = "rate_limit_exceeded";
  json.begin_object().key("error").begin_object();
  json.field("message", std::string_view(s.message().data(), s.message().size()));
  json.field("type", http_status >= 500 ? "server_error" : http_status == 429 ? "requests" : "invalid_request_error");
  text_or_null("param", payload(s, kParam));
  text_or_null("code", code);
  json.end_object().end_object();
  return out;
}

}  // namespace hearth::serve
