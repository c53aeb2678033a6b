// What messages call a text.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace hearth::text {

/// The name of a text in messages, by its index: "line 7". An empty function stands for "text 6".
using TextName = std::function<std::string(size_t index)>;

}  // namespace hearth::text
