// The small models of the golden files, as directories.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/safetensors.h"
#include "core/nn/module.h"

namespace hearth::text {

inline const std::string kGolden = "tests/text/models/golden";

inline const nlohmann::json& cases() {
  static const auto all = io::parse_json(io::read_file(kGolden + "/cases.json", size_t{1} << 20).value()).value();
  return all;
}

inline Tensor golden(const std::string& name) {
  static const io::Safetensors file = io::load_safetensors(kGolden + "/golden.safetensors").value();
  return file.tensors.at(name);
}

// A new empty directory of this test.
inline std::string fresh_directory(const std::string& name) {
  const char* base = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(base ? base : "/tmp") + "/" + name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

inline void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

inline std::string weights_of(const std::string& name) {
  return kGolden + "/" + cases().at(name).at("weights").get<std::string>() + ".safetensors";
}

inline void make_directory(const std::string& directory, const nlohmann::json& config, const std::string& weights) {
  write_text(directory + "/config.json", config.dump());
  std::filesystem::copy_file(weights, directory + "/model.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
}

// The case as a user has it.
inline std::string directory_of(const std::string& name) {
  const std::string path = fresh_directory(name);
  make_directory(path, cases().at(name).at("config"), weights_of(name));
  return path;
}

}  // namespace hearth::text
