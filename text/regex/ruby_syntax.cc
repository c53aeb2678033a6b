#include "text/regex/ruby_syntax.h"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace hearth::text {
namespace {

// PCRE2 10.42 knows other sets by \s and \w than Oniguruma does: \s has U+180E, \w lacks marks.
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
// Outside of brackets Oniguruma also counts superscripts and fractions of Latin-1 as word characters.
constexpr std::string_view kLatinWord = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

// Whether the name is that of a script. To PCRE2 \p{Han} is all that Han text may contain (Script_Extensions), to
// others only what is Han.
bool is_script(std::string_view name) {
  if (name.size() < 3) return false;
  const std::string pattern = "\\p{sc:" + std::string(name) + "}";
  int error = 0;
  size_t where = 0;
  pcre2_code* const code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &where, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

// POSIX names that Oniguruma takes inside of \p{}; PCRE2 does not.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kPosix = {{
    {"alnum", "\\p{Alphabetic}\\p{Nd}"},
    {"alpha", "\\p{Alphabetic}"},
    {"blank", "\\p{Zs}\\t"},
    {"cntrl", "\\p{Cc}"},
    {"digit", "\\p{Nd}"},
    {"lower", "\\p{Lowercase}"},
    {"punct", "\\p{P}$+<=>\\^`|~"},
    {"space", "\\p{White_Space}"},
    {"upper", "\\p{Uppercase}"},
    {"word", kWord},
    {"xdigit", "0-9a-fA-F"},
}};

class Translator {
 public:
  Translator(std::string_view pattern, RegexSyntax syntax) : in_(pattern), ruby_(syntax == RegexSyntax::kRuby) {}

  absl::StatusOr<std::string> run() {
    while (at_ < in_.size()) {
      absl::Status status = in_[at_] == '\\' ? escape(false) : in_[at_] == '[' ? brackets() : plain();
      if (!status.ok()) return status;
    }
    return std::move(out_);
  }

 private:
  absl::Status refuse(std::string_view what) const {
    return absl::UnimplementedError(concat("regular expression: ", what, " at byte ", at_, " is not supported"));
  }
  void atom() { atom_ = out_.size(); }
  void put(std::string_view s) { out_ += s; }

  absl::Status plain() {
    const char c = in_[at_];
    if (c == '(') {
      if (in_.substr(at_, 3) == "(?C") return refuse("a callout");
      if (in_.substr(at_, 2) == "(*") return refuse("a verb");
      groups_.push_back(out_.size());
      if (ruby_ && in_.substr(at_, 2) == "(?") return options();
    } else if (c == ')') {
      // PCRE2 reports what is not balanced.
      if (!groups_.empty()) {
        atom_ = groups_.back();
        groups_.pop_back();
      }
      put(")");
      ++at_;
      return absl::OkStatus();
    } else if (c == '{' && interval()) {
      return absl::OkStatus();
    } else if (c != '*' && c != '+' && c != '?' && c != '|' && !is_tail(c)) {
      atom();
    }
    put({&in_[at_], 1});
    ++at_;
    return absl::OkStatus();
  }

  // "(?" and letters: Ruby's m lets a dot match a line's end, which is Perl's s.
  absl::Status options() {
    size_t end = at_ + 2;
    while (end < in_.size() && std::string_view("imx-").find(in_[end]) != std::string_view::npos) ++end;
    put("(?");
    at_ += 2;
    const bool letters = end < in_.size() && (in_[end] == ':' || in_[end] == ')');
    for (; letters && at_ < end; ++at_) out_ += in_[at_] == 'm' ? 's' : in_[at_];
    // What follows "(?" is no quantifier: "(?:", "(?=", "(?<=", ...
    while (at_ < in_.size() && std::string_view(":=!<>").find(in_[at_]) != std::string_view::npos) out_ += in_[at_++];
    return absl::OkStatus();
  }

  static bool is_tail(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

  // {n}, {n,}, {,m}, {n,m}. In Ruby's syntax a + behind it is a repetition of its own, in Perl's it makes it
  // possessive.
  bool interval() {
    size_t end = at_ + 1;
    bool comma = false, digits = false;
    while (end < in_.size() && ((in_[end] >= '0' && in_[end] <= '9') || (in_[end] == ',' && !comma))) {
      comma |= in_[end] == ',';
      digits |= in_[end] != ',';
      ++end;
    }
    if (end >= in_.size() || in_[end] != '}' || !digits) return false;
    std::string_view text = in_.substr(at_, end + 1 - at_);
    if (text[1] == ',') {
      // PCRE2 before 10.43 takes {,m} literally.
      put(ruby_ ? "{0" : "\\{");
      put(text.substr(1));
    } else {
      put(text);
    }
    at_ = end + 1;
    if (ruby_ && at_ < in_.size() && in_[at_] == '+') {
      out_.insert(atom_, "(?:");
      put(")+");
      ++at_;
    }
    return true;
  }

  // \p{...} or \P{...}; at_ is behind it afterwards.
  absl::Status property(bool in_brackets) {
    const bool negated = in_[at_ + 1] == 'P';
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{') {
      put(in_.substr(at_, 3));
      at_ = std::min(at_ + 3, in_.size());
      return absl::OkStatus();
    }
    const size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) return absl::InvalidArgumentError("regular expression: \\p{ without }");
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    const bool inverted = !name.empty() && name[0] == '^';
    std::string lower;
    for (const char c : name.substr(inverted ? 1 : 0)) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    for (const auto& [posix, set] : kPosix) {
      if (lower != posix) continue;
      const bool outside = negated != inverted;
      if (in_brackets && outside) return refuse("the complement of a POSIX class inside brackets");
      if (in_brackets) {
        put(set);
      } else {
        put(outside ? "[^" : "[");
        put(set);
        put("]");
      }
      at_ = end + 1;
      return absl::OkStatus();
    }
    put(negated != inverted ? "\\P{" : "\\p{");
    if (is_script(lower)) put("sc:");
    put(name.substr(inverted ? 1 : 0));
    put("}");
    at_ = end + 1;
    return absl::OkStatus();
  }

  std::string word() const { return std::string(kWord) + std::string(ruby_ ? kLatinWord : ""); }

  absl::Status escape(bool in_brackets) {
    if (at_ + 1 >= in_.size()) return absl::InvalidArgumentError("regular expression: it ends with \\");
    const char c = in_[at_ + 1];
    if (!in_brackets) atom();
    const auto replace = [&](std::string_view with) {
      put(with);
      at_ += 2;
      return absl::OkStatus();
    };
    const auto set = [&](std::string_view members) {
      if (in_brackets) return replace(members);
      return replace(std::string("[") += std::string(members) += "]");
    };
    switch (c) {
      case 's':
        return replace("\\p{White_Space}");
      case 'S':
        return replace("\\P{White_Space}");
      case 'd':
        return replace("\\p{Nd}");
      case 'D':
        return replace("\\P{Nd}");
      case 'w':
        return in_brackets ? replace(kWord) : replace("[" + word() + "]");
      case 'W':
        if (in_brackets) return refuse("\\W inside brackets");
        return replace("[^" + word() + "]");
      case 'b':
      case 'B': {
        if (in_brackets) return c == 'b' ? replace("\\x{8}") : refuse("\\B inside brackets");
        const std::string w = "[" + word() + "]";
        if (c == 'b') return replace("(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))");
        return replace("(?:(?<=" + w + ")(?=" + w + ")|(?<!" + w + ")(?!" + w + "))");
      }
      case 'h':
        return ruby_ ? set("0-9a-fA-F") : replace("\\h");
      case 'H':
        if (ruby_ && in_brackets) return refuse("\\H inside brackets");
        return replace(ruby_ ? "[^0-9a-fA-F]" : "\\H");
      case 'p':
      case 'P':
        return property(in_brackets);
      case 'u': {
        const std::string_view digits = in_.substr(at_ + 2, 4);
        if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
          return absl::InvalidArgumentError("regular expression: \\u wants four hexadecimal digits");
        }
        put("\\x{");
        put(digits);
        put("}");
        at_ += 6;
        return absl::OkStatus();
      }
      case 'K':
      case 'C':
        return refuse(std::string("\\") += c);
      default: {
        // The whole character that is escaped.
        size_t n = 2;
        while (at_ + n < in_.size() && is_tail(in_[at_ + n])) ++n;
        put(in_.substr(at_, n));
        at_ += n;
        return absl::OkStatus();
      }
    }
  }

  absl::Status brackets() {
    atom();
    put("[");
    ++at_;
    if (at_ < in_.size() && in_[at_] == '^') {
      put("^");
      ++at_;
    }
    bool first = true;
    for (; at_ < in_.size(); first = false) {
      const char c = in_[at_];
      if (c == ']' && !first) {
        put("]");
        ++at_;
        return absl::OkStatus();
      }
      if (c == '\\') {
        absl::Status status = escape(true);
        if (!status.ok()) return status;
        continue;
      }
      if (c == '[') {
        if (in_.substr(at_, 2) == "[:") {
          const size_t end = in_.find(":]", at_);
          if (end == std::string_view::npos) return absl::InvalidArgumentError("regular expression: [: without :]");
          put(in_.substr(at_, end + 2 - at_));
          at_ = end + 2;
          continue;
        }
        if (ruby_) return refuse("a set inside a set");
        put("\\[");
        ++at_;
        continue;
      }
      if (ruby_ && in_.substr(at_, 2) == "&&") return refuse("an intersection of sets");
      put({&in_[at_], 1});
      ++at_;
    }
    return absl::InvalidArgumentError("regular expression: [ without ]");
  }

  std::string_view in_;
  bool ruby_;
  std::string out_;
  size_t at_ = 0;
  size_t atom_ = 0;             // where the last atom begins in out_
  std::vector<size_t> groups_;  // where open groups begin in out_
};

}  // namespace

absl::StatusOr<std::string> to_pcre2(std::string_view pattern, RegexSyntax syntax) {
  return Translator(pattern, syntax).run();
}

}  // namespace hearth::text
