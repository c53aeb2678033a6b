#include "serve/oip/repository_request.h"

#include "serve/base/json_reader_internal.h"
#include "serve/oip/infer_request.h"
#include "serve/oip/json_internal.h"

namespace hearth::serve {

namespace dom = simdjson::dom;

absl::StatusOr<bool> parse_repository_request(std::string_view body, bool unload) {
  if (body.empty()) return false;
  const auto parsed = JsonRequest::parse(body, nullptr);
  if (!parsed.ok()) return parsed.status();
  const dom::object& request = parsed->object();
  dom::element document;
  dom::object parameters;
  if (absl::Status s = unique_keys(request, "the request"); !s.ok()) return s;
  if (!request["parameters"].get(document)) {
    if (document.get(parameters)) return bad("the request: \"parameters\" must be an object");
    for (const dom::key_value_pair field : parameters) {
      // No model depends on another.
      if (!unload || field.key != "unload_dependents") return unknown_parameter(field.key, "the request");
    }
  }
  bool ready = false;
  if (!request["ready"].get(document) && document.get(ready)) return bad("\"ready\" must be true or false");
  return ready;
}

}  // namespace hearth::serve
