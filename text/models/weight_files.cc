#include "text/models/weight_files.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/pt.h"
#include "core/io/safetensors.h"
#include "core/io/with_path.h"
#include "text/json/fields_internal.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostIndexBytes = size_t{256} << 20;

bool is_there(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

// A file of the directory itself.
bool plain(const std::string& file) {
  return !file.empty() && file != "." && file != ".." && file.find('/') == std::string::npos &&
         file.find('\0') == std::string::npos;
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> parse_weight_index(std::string_view text, const std::string& place) {
  const absl::StatusOr<Json> json = io::parse_json(text);
  if (!json.ok()) return io::with_path(place, json.status());
  Fields f(*json, place);
  const Json& map = f.object("weight_map");
  if (!f.ok()) return f.status();
  std::map<std::string, std::string> files;
  for (const auto& [name, file] : map.items()) {
    if (!file.is_string() || !plain(file.get<std::string>())) {
      return absl::InvalidArgumentError(concat(place, ".weight_map.", name,
                                               ": the name of a file in the directory is "
                                               "wanted, but it is ",
                                               file.is_structured() ? file.type_name() : file.dump()));
    }
    files.emplace(name, file.get<std::string>());
  }
  if (files.empty()) return absl::InvalidArgumentError(concat(place, ".weight_map: it is empty"));
  return files;
}

namespace {

// The tensors of one file, by the kind that its name tells.
absl::StatusOr<nn::StateDict> read_weights(const std::string& path) {
  if (path.ends_with(".bin") || path.ends_with(".pt") || path.ends_with(".pth")) return io::load_pt_state_dict(path);
  absl::StatusOr<io::Safetensors> file = io::load_safetensors(path);
  if (!file.ok()) return file.status();
  return std::move(file->tensors);
}

// The tensors of the files that an index names.
absl::StatusOr<nn::StateDict> read_indexed(const std::string& directory, const std::string& index,
                                           std::vector<std::string>& read) {
  const absl::StatusOr<std::string> text = io::read_file(index, kMostIndexBytes);
  if (!text.ok()) return text.status();
  const auto where = parse_weight_index(*text, index);
  if (!where.ok()) return where.status();
  std::set<std::string> files;
  for (const auto& [name, file] : *where) files.insert(file);
  nn::StateDict tensors;
  read.insert(read.end(), files.begin(), files.end());
  for (const std::string& file : files) {
    const std::string path = directory + "/" + file;
    absl::StatusOr<nn::StateDict> shard = read_weights(path);
    if (!shard.ok()) return shard.status();
    for (auto& [name, tensor] : *shard) {
      const auto at = where->find(name);
      if (at == where->end())
        return absl::InvalidArgumentError(concat(path, ": it has a tensor ", name, " that the index does not have"));
      if (at->second != file)
        return absl::InvalidArgumentError(
            concat(path, ": it has the tensor ", name, ", which the index has in ", at->second));
      tensors.emplace(name, std::move(tensor));
    }
  }
  for (const auto& [name, file] : *where) {
    if (!tensors.contains(name))
      return absl::InvalidArgumentError(
          concat(directory, "/", file, ": it has no tensor ", name, ", which the index has in it"));
  }
  return tensors;
}

}  // namespace

absl::StatusOr<nn::StateDict> read_weight_files(const std::string& directory, std::vector<std::string>* files) {
  std::vector<std::string> unwanted;
  std::vector<std::string>& read = files ? *files : unwanted;
  for (const char* const name : {"model.safetensors", "pytorch_model.bin"}) {
    const std::string index = concat(name, ".index.json");
    if (is_there(concat(directory, "/", name))) {
      read.emplace_back(name);
      return read_weights(concat(directory, "/", name));
    }
    if (is_there(concat(directory, "/", index))) {
      read.push_back(index);
      return read_indexed(directory, concat(directory, "/", index), read);
    }
  }
  return absl::NotFoundError(
      concat(directory, ": there is neither model.safetensors nor pytorch_model.bin, nor an index of either"));
}

}  // namespace hearth::text
