// A kind whose loading says that it has begun, and never ends unless its directory says so.
#include <filesystem>
#include <fstream>
#include <thread>

#include "serve/model/servable.h"

namespace hearth::serve {
namespace {

constexpr ServableKind kEndless{"endless",
                                [](const std::string& directory) -> absl::StatusOr<std::unique_ptr<Servable>> {
                                  std::ofstream(directory + "/begun") << "yes";
                                  while (!std::filesystem::exists(directory + "/end"))
                                    std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                  return absl::UnimplementedError("it is endless");
                                }};
HEARTH_SERVABLE(kEndless);

}  // namespace
}  // namespace hearth::serve
