// Graphs as JSON, for graph.json. For the files of this package only.
#pragma once

#include <map>
#include <string>

#include "core/graph/graph.h"
#include "core/graph/save.h"
#include "core/io/json_internal.h"

namespace hearth::graph {

// An object from outside: whoever reads it takes every key, and says where something is wrong. Throws Error.
class JsonObject {
 public:
  JsonObject(const nlohmann::json& j, std::string where);
  const nlohmann::json& at(const char* key);
  const nlohmann::json* find(const char* key);
  std::string text(const char* key);
  int64_t whole(const char* key);
  bool flag(const char* key);
  const nlohmann::json& list(const char* key);
  DType dtype(const char* key);
  std::map<std::string, std::string> texts(const char* key);
  // Throws if there is a key that nobody has asked for.
  void done() const;
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& j_;
  std::string where_;
  std::vector<std::string_view> taken_;
};

// The name in the weights file of each constant of a graph.
using WeightNames = std::vector<std::string>;

// One line for each constant and node.
std::string to_json(const Graph& g, const WeightNames& weights);

// Takes constants from `weights` and notes in `used` which. Throws Error.
Graph graph_from_json(const nlohmann::json& j, const std::string& where, const std::map<std::string, Tensor>& weights,
                      std::map<std::string, bool>& used);

std::string to_json(const Signature& s);
Signature signature_from_json(const nlohmann::json& j, const std::string& where);
std::vector<Signature::Port> ports(const std::vector<Dim>& dims, const std::vector<Input>& inputs);
std::vector<Signature::Port> ports(const std::vector<Dim>& dims, const std::vector<Output>& outputs);

}  // namespace hearth::graph
