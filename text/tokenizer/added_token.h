// AddedToken: a token beside the model's vocabulary.
#pragma once

#include <string>

namespace hearth::text {

/// A token that is found in the text as it stands, before the model: "[MASK]", "<|endoftext|>", or a word of one's own.
struct AddedToken {
  std::string content;       ///< Its text, at most 1024 bytes.
  bool single_word = false;  ///< Only where no word character is beside it.
  bool lstrip = false;       ///< It takes the white space before it.
  bool rstrip = false;       ///< It takes the white space after it.
  bool normalized = true;    ///< It is looked for in the normalised text, itself normalised.
  bool special = false;      ///< decode() leaves it out on request.
  /// All fields are equal.
  friend bool operator==(const AddedToken&, const AddedToken&) = default;
};

}  // namespace hearth::text
