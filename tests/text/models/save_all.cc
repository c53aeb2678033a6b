// Loads each model of the golden files and saves it again: save_all GOLDEN OUT, for tools/golden/text_models.py
// --check.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "text/models/pretrained.h"

namespace {

template <class M>
absl::Status again(const std::string& from, const std::string& to) {
  const auto model = hearth::text::load_pretrained<M>(from);
  if (!model.ok()) return model.status();
  return hearth::text::save_pretrained(**model, to);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: save_all GOLDEN OUT\n";
    return 2;
  }
  const std::string golden = argv[1], out = argv[2];
  nlohmann::json cases;
  std::ifstream(golden + "/cases.json") >> cases;
  for (const auto& [name, c] : cases.items()) {
    const std::string from = out + "/from/" + name;
    std::filesystem::create_directories(from);
    std::ofstream(from + "/config.json") << c.at("config").dump();
    std::filesystem::copy_file(golden + "/" + c.at("weights").get<std::string>() + ".safetensors",
                               from + "/model.safetensors");
    const absl::Status saved = c.at("task") == "lm" ? again<hearth::text::CausalLm>(from, out + "/" + name)
                                                    : again<hearth::text::BertModel>(from, out + "/" + name);
    if (!saved.ok()) {
      std::cerr << name << ": " << saved << "\n";
      return 1;
    }
  }
  return 0;
}
