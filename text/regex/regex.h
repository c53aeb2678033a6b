// Regular expressions over UTF-8, as tokenizer files hold them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::text {

/// How a pattern is written.
enum class RegexSyntax : uint8_t {
  kRuby,  ///< Oniguruma's Ruby syntax, that of tokenizer.json: ^ and $ match at lines, `{1,3}+` repeats.
  kPerl,  ///< PCRE2's own, close to that of tiktoken's patterns: `{1,3}+` is possessive.
};

/// A compiled pattern (PCRE2, with its just-in-time compiler where the system allows it). `\s`, `\d`, `\w` and `\b` are
/// Unicode's in both syntaxes. A value; const calls may be concurrent.
class Regex {
 public:
  /// Where a match is, in bytes.
  struct Match {
    size_t begin;  ///< Its first byte.
    size_t end;    ///< Behind its last byte.
  };

  /// Compiles a pattern of at most 64 KiB. kInvalidArgument: it is malformed, with the place; kUnimplemented: it uses
  /// what is not translated (`\K`, `\G`, callouts, absent operators, look-behind of varying length). In the Ruby syntax
  /// a pattern matches what it does in Oniguruma, but for the longer forms of a letter: (?i)ss is not ß here.
  static absl::StatusOr<Regex> compile(std::string_view pattern, RegexSyntax syntax = RegexSyntax::kRuby);

  /// Finds the first match in `text`, which must be valid UTF-8, from byte `from` on (the start of a character).
  /// Returns whether there is one. kResourceExhausted: the pattern backtracks too often on this text (catastrophic
  /// patterns end here, after a fraction of a second).
  absl::StatusOr<bool> find(std::string_view text, size_t from, Match& match) const;
  /// The same for a caller that finds all matches: `work` is what they all may cost, in bytes looked at beyond the
  /// next few thousand. It begins as work_for() and becomes less with each call.
  absl::StatusOr<bool> find(std::string_view text, size_t from, Match& match, uint64_t& work) const;
  /// The work that all matches in a text of that many bytes may cost: no pattern takes a time that grows with its
  /// square.
  static uint64_t work_for(size_t text_size);

  /// The pattern as it was given.
  const std::string& pattern() const;

 private:
  struct Impl;
  explicit Regex(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace hearth::text
