// openapi.json says what the server does: every route is in it and nothing else, and what the server answers is what it
// says.
#include <gtest/gtest.h>

#include <set>

#include "core/io/json_internal.h"
#include "serve/api/page.h"
#include "serve/api/routes.h"
#include "serve/server.h"
#include "tests/serve/client.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using Json = nlohmann::json;

std::string lower(std::string s) {
  for (char& c : s) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return s;
}

// Empty if the value is what the schema says, else where it is not. Of JSON Schema what openapi.json uses.
std::string mismatch(const Json& document, const Json& schema, const Json& value, const std::string& at) {
  if (schema.contains("$ref")) {
    const auto pointer = schema["$ref"].get<std::string>().substr(1);
    return mismatch(document, document.at(Json::json_pointer(pointer)), value, at);
  }
  if (schema.contains("anyOf")) {
    std::string all;
    for (const Json& s : schema["anyOf"]) {
      const std::string m = mismatch(document, s, value, at);
      if (m.empty()) return "";
      all += m;
    }
    return all;
  }
  const std::string type = schema.value("type", "");
  const bool fits = type.empty() || (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
                    (type == "string" && value.is_string()) || (type == "integer" && value.is_number_integer()) ||
                    (type == "number" && value.is_number()) || (type == "boolean" && value.is_boolean());
  if (!fits) return concat(at, " is no ", type, "; ");
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return concat(at, " is none of the values; ");
  std::string all;
  if (value.is_object() && schema.contains("properties")) {
    for (const Json& r : schema.value("required", Json::array())) {
      if (!value.contains(r.get<std::string>())) all += concat(at, " lacks ", r.get<std::string>(), "; ");
    }
    for (const auto& [key, v] : value.items()) {
      if (!schema["properties"].contains(key)) all += concat(at, " has the unknown ", key, "; ");
      else all += mismatch(document, schema["properties"][key], v, concat(at, ".", key));
    }
  }
  if (value.is_array() && schema.contains("items")) {
    for (const Json& v : value) all += mismatch(document, schema["items"], v, at + "[]");
  }
  return all;
}

TEST(OpenApi, HasEveryRouteAndNoOther) {
  const Json document = Json::parse(kOpenApi);
  std::set<std::string> routed, documented;
  for (const RouteInfo& r : routes()) {
    routed.insert(concat(lower(r.method), " ", r.pattern));
    const Json& operation = document["paths"][r.pattern][lower(r.method)];
    // Without a token where nobody needs one.
    EXPECT_EQ(operation.contains("security"), r.access == Access::kEverybody) << r.pattern;
    EXPECT_EQ(operation["responses"].contains("401"), r.access != Access::kEverybody) << r.pattern;
    // Pages of other origins may neither administer nor open WebSockets.
    EXPECT_EQ(operation["responses"].contains("403"), r.access == Access::kAdministration || r.route == Route::kStream)
        << r.pattern;
  }
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) documented.insert(concat(method, " ", path));
  }
  EXPECT_EQ(routed, documented);
}

TEST(OpenApi, AnswersAreAsItSays) {
  const Json document = Json::parse(kOpenApi);
  ServerOptions options;
  options.http = {.address = "127.0.0.1"};
  options.admin.port = 0;
  auto server = Server::start(options, Repository::of("scale", std::make_shared<testing::Scale>()));
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(testing::Client((*server)->port()).get("/openapi.json").body, kOpenApi);
  const std::string infer = R"({"id":"7","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
  for (const std::string version : {"1", "9"}) {
    for (const RouteInfo& r : routes()) {
      std::string path = r.pattern;
      for (const auto& [name, value] :
           {std::pair<std::string, std::string>("{model}", "scale"), {"{version}", version}}) {
        if (const size_t at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
      }
      for (const int port : {(*server)->port(), (*server)->admin_port()}) {
        if (r.route == Route::kUnload && version == "1") continue;  // when all else is done
        testing::Client c(port);
        const testing::Answer a = std::string_view(r.method) == "GET" ? c.get(path) : c.post(path, infer);
        const Json& responses = document["paths"][r.pattern][lower(r.method)]["responses"];
        const std::string status = std::to_string(a.status);
        ASSERT_TRUE(responses.contains(status)) << path << " answers " << status << ": " << a.body;
        const size_t at = a.head.find("Content-Type: ");
        const std::string type = a.head.substr(at + 14, a.head.find_first_of(";\r", at) - at - 14);
        const Json& content = responses[status]["content"];
        ASSERT_TRUE(content.contains(type)) << path << " has the type " << type;
        if (type == "application/json") {
          EXPECT_EQ(mismatch(document, content[type]["schema"], Json::parse(a.body), path), "") << a.body;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::serve
