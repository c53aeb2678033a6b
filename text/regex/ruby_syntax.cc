#include "text/regex/ruby_syntax.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "text/regex/classes.h"

namespace hearth::text {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_tail(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

class Translator {
 public:
  Translator(std::string_view pattern, RegexSyntax syntax) : in_(pattern), ruby_(syntax == RegexSyntax::kRuby) {}

  absl::StatusOr<std::string> run() {
    while (at_ < in_.size()) {
      absl::Status status = next();
      if (!status.ok()) return status;
    }
    out_.append(groups_.front().closers, ')');
    return std::move(out_);
  }

 private:
  struct Group {
    size_t begin;         // where it begins in out_
    size_t closers;       // groups to close at its end: "(?i)" encloses all that follows in its group
    bool extended_after;  // what extended_ is behind it
  };
  // The inside of brackets: members for PCRE2's brackets, and beside them expressions that match one character each.
  struct Set {
    std::string members;
    std::vector<std::string> others;
    bool empty() const { return members.empty() && others.empty(); }
    std::string one_character() const {
      if (others.empty()) return "[" + members + "]";
      // Atomic: a character that two of them match is not tried again.
      std::string all = "(?>";
      if (!members.empty()) all += "[" + members + "]|";
      for (const std::string& other : others) {
        if (&other != others.data()) all += '|';
        all += other;
      }
      return all + ")";
    }
  };

  absl::Status refuse(std::string_view what) const {
    return absl::UnimplementedError(concat("regular expression: ", what, " at byte ", at_, " is not supported"));
  }
  void atom() { atom_ = out_.size(); }
  void put(std::string_view s) { out_ += s; }
  bool sees(std::string_view s) const { return in_.substr(at_).starts_with(s); }

  absl::Status next() {
    const char c = in_[at_];
    if (c == '\\') return escape();
    if (c == '[') {
      atom();
      return brackets(out_, 0);
    }
    if (c == '(') return open();
    if (c == ')') {
      close();
      return absl::OkStatus();
    }
    if (extended_ && c == '#') {
      at_ = std::min(in_.find('\n', at_), in_.size());
      return absl::OkStatus();
    }
    if (c == '{' && interval()) return absl::OkStatus();
    if (!is_one_of(c, "*+?|") && !is_tail(c) && !(extended_ && is_one_of(c, " \t\n\v\f\r"))) atom();
    put({&c, 1});
    ++at_;
    return absl::OkStatus();
  }

  void close() {
    // PCRE2 reports what is not balanced.
    if (groups_.size() > 1) {
      out_.append(groups_.back().closers, ')');
      atom_ = groups_.back().begin;
      extended_ = groups_.back().extended_after;
      groups_.pop_back();
    }
    put(")");
    ++at_;
  }

  void open_group(std::string_view text) {
    groups_.push_back({out_.size(), 0, extended_});
    put(text);
  }

  absl::Status open() {
    if (sees("(?C")) return refuse("a callout");
    if (sees("(*")) return refuse("a verb");
    if (!sees("(?") || !ruby_) {
      open_group("(");
      ++at_;
      return absl::OkStatus();
    }
    for (const std::string_view kind : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (!sees(kind)) continue;
      open_group(kind);
      at_ += kind.size();
      return absl::OkStatus();
    }
    if (sees("(?#")) {
      while (at_ < in_.size() && in_[at_] != ')') at_ += in_[at_] == '\\' ? 2 : 1;
      if (at_ >= in_.size()) return absl::InvalidArgumentError("regular expression: (?# without )");
      ++at_;
      return absl::OkStatus();
    }
    if (sees("(?<") || sees("(?'")) return open_up_to(in_[at_ + 2] == '<' ? '>' : '\'');
    if (sees("(?(") && at_ + 3 < in_.size() && is_digit(in_[at_ + 3])) return open_up_to(')');
    return options();
  }

  // A group whose beginning, up to that character, PCRE2 writes the same way.
  absl::Status open_up_to(char last) {
    const size_t end = in_.find(last, at_ + 3);
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError(concat("regular expression: ", in_.substr(at_, 3), " without ", last));
    }
    open_group(in_.substr(at_, end + 1 - at_));
    at_ = end + 1;
    return absl::OkStatus();
  }

  // "(?" and letters. Ruby's m lets a dot match a line's end, which is Perl's s. "(?i)" encloses the rest of its group,
  // with its alternatives: a(?i)b|c is a(?i:b|c).
  absl::Status options() {
    const size_t end = in_.find_first_not_of("imx-", at_ + 2);
    if (end == std::string_view::npos || end == at_ + 2 || (in_[end] != ':' && in_[end] != ')')) {
      return refuse("this kind of group");
    }
    std::string text = "(?";
    bool on = true, extended = extended_;
    for (const char c : in_.substr(at_ + 2, end - at_ - 2)) {
      text += c == 'm' ? 's' : c;
      if (c == '-') on = false;
      if (c == 'x') extended = on;
    }
    text += ':';
    if (in_[end] == ':') {
      open_group(text);
    } else {
      put(text);
      ++groups_.back().closers;
      atom();
    }
    extended_ = extended;
    at_ = end + 1;
    return absl::OkStatus();
  }

  // {n}, {n,}, {,m}, {n,m}. In Ruby's syntax a + behind it is a repetition of its own, and so is a ? behind {n}; in
  // Perl's they make it possessive and lazy.
  bool interval() {
    size_t end = at_ + 1;
    bool comma = false, digits = false;
    while (end < in_.size() && (is_digit(in_[end]) || (in_[end] == ',' && !comma))) {
      comma |= in_[end] == ',';
      digits |= in_[end] != ',';
      ++end;
    }
    if (end >= in_.size() || in_[end] != '}' || !digits) return false;
    const std::string_view text = in_.substr(at_, end + 1 - at_);
    if (text[1] == ',') {
      // PCRE2 before 10.43 takes {,m} literally.
      put(ruby_ ? "{0" : "\\{");
      put(text.substr(1));
    } else {
      put(text);
    }
    at_ = end + 1;
    if (ruby_ && at_ < in_.size() && (in_[at_] == '+' || (in_[at_] == '?' && !comma))) {
      out_.insert(atom_, "(?:");
      put(")");
    }
    return true;
  }

  // \p{...} or \P{...}; at_ is behind it afterwards. Nothing comes out where PCRE2's own name is written to `pcre2`.
  absl::StatusOr<CharClass> property(std::string& pcre2) {
    const bool capital = in_[at_ + 1] == 'P';
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{') {
      if (ruby_) return refuse("\\p without {");
      pcre2 = in_.substr(at_, 3);
      at_ = std::min(at_ + 3, in_.size());
      return CharClass{};
    }
    const size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) return absl::InvalidArgumentError("regular expression: \\p{ without }");
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    const bool caret = name.starts_with('^');
    if (caret) name.remove_prefix(1);
    at_ = end + 1;
    std::optional<CharClass> known = named_property(name);
    if (!known) {
      pcre2 = pcre2_property(name, capital != caret);
      return CharClass{};
    }
    known->complement ^= capital != caret;
    return *std::move(known);
  }

  std::string word() const { return std::string(kWordMembers) + std::string(ruby_ ? kLatinWordMembers : ""); }

  // \uhhhh, \xhh, \x{h...}, \cX as they are written for PCRE2; at_ is behind it afterwards.
  absl::StatusOr<std::string> code() {
    const char c = in_[at_ + 1];
    if (c == 'u') {
      const std::string_view digits = in_.substr(at_ + 2, 4);
      if (digits.size() != 4 || !std::all_of(digits.begin(), digits.end(), is_hex)) {
        return absl::InvalidArgumentError("regular expression: \\u wants four hexadecimal digits");
      }
      at_ += 6;
      return concat("\\x{", digits, "}");
    }
    if (c == 'c') {
      if (at_ + 2 >= in_.size() || !is_letter(in_[at_ + 2])) return refuse("\\c without a letter");
      at_ += 3;
      return std::string(in_.substr(at_ - 3, 3));
    }
    if (at_ + 2 < in_.size() && in_[at_ + 2] == '{') {
      const size_t end = std::min(in_.find('}', at_), in_.size() - 1);
      const std::string text(in_.substr(at_, end + 1 - at_));
      at_ = end + 1;
      return text;
    }
    size_t end = at_ + 2;
    while (end < in_.size() && end < at_ + 4 && is_hex(in_[end])) ++end;
    // A byte of a character's UTF-8 to Oniguruma, a character to PCRE2.
    if (end == at_ + 4 && in_[at_ + 2] >= '8') return refuse("a byte above \\x7F");
    std::string text = end == at_ + 2 ? "\\x{0}" : std::string(in_.substr(at_, end - at_));
    at_ = end;
    return text;
  }

  // The character that is escaped, with all its bytes, or the number; at_ is behind it afterwards.
  std::string_view escaped() {
    const size_t begin = at_;
    const bool number = is_digit(in_[at_ + 1]);
    at_ += 2;
    while (at_ < in_.size() && (number ? at_ < begin + 4 && is_digit(in_[at_]) : is_tail(in_[at_]))) ++at_;
    return in_.substr(begin, at_ - begin);
  }

  absl::Status escape() {
    if (at_ + 1 >= in_.size()) return absl::InvalidArgumentError("regular expression: it ends with \\");
    const char c = in_[at_ + 1];
    atom();
    const auto replace = [&](std::string_view with) {
      put(with);
      at_ += 2;
      return absl::OkStatus();
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
        return replace("[" + word() + "]");
      case 'W':
        return replace("[^" + word() + "]");
      case 'b':
      case 'B': {
        const std::string w = "[" + word() + "]";
        if (c == 'b') return replace("(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))");
        return replace("(?:(?<=" + w + ")(?=" + w + ")|(?<!" + w + ")(?!" + w + "))");
      }
      case 'p':
      case 'P': {
        std::string text;
        absl::StatusOr<CharClass> known = property(text);
        if (!known.ok()) return known.status();
        if (text.empty()) {
          if (known->members == kWordMembers) known->members = word();
          text = (known->complement ? "[^" : "[") + known->members + "]";
        }
        put(text);
        return absl::OkStatus();
      }
      case 'u':
        return put_code();
      case 'K':
      case 'C':
      case 'G':
        return refuse(std::string("\\") += c);
      default:
        break;
    }
    if (!ruby_ || !is_letter(c)) {
      put(escaped());
      return absl::OkStatus();
    }
    if (c == 'c' || c == 'x') return put_code();
    if (c == 'h') return replace("[0-9a-fA-F]");
    if (c == 'H') return replace("[^0-9a-fA-F]");
    if (c == 'v') return replace("\\x{b}");
    if (c == 'N') return replace("[^\\n]");
    if (c == 'O') return replace("(?s:.)");
    if (is_one_of(c, "ARXZaefgknortz")) return replace(in_.substr(at_, 2));
    if (is_one_of(c, "MYy")) return refuse(std::string("\\") += c);
    return replace({&c, 1});  // A letter that means nothing is itself.
  }

  absl::Status put_code() {
    const absl::StatusOr<std::string> text = code();
    if (text.ok()) put(*text);
    return text.status();
  }

  // An escape inside of brackets.
  absl::Status member(Set& set) {
    if (at_ + 1 >= in_.size()) return absl::InvalidArgumentError("regular expression: it ends with \\");
    const char c = in_[at_ + 1];
    const auto add = [&](std::string_view members) {
      set.members += members;
      at_ += 2;
      return absl::OkStatus();
    };
    const auto beside = [&](std::string_view other) {
      set.others.emplace_back(other);
      at_ += 2;
      return absl::OkStatus();
    };
    switch (c) {
      case 's':
        return add("\\p{White_Space}");
      case 'S':
        return add("\\P{White_Space}");
      case 'd':
        return add("\\p{Nd}");
      case 'D':
        return add("\\P{Nd}");
      case 'w':
        return add(kWordMembers);
      case 'W':
        return beside(concat("[^", kWordMembers, "]"));
      case 'b':
        return add("\\x{8}");
      case 'p':
      case 'P': {
        std::string text;
        const absl::StatusOr<CharClass> known = property(text);
        if (!known.ok()) return known.status();
        set.members += text;
        return text.empty() ? join(set, *known) : absl::OkStatus();
      }
      case 'u':
        return member_code(set);
      default:
        break;
    }
    if (!ruby_ && is_one_of(c, "BCKNRX")) return refuse(concat("\\", std::string_view(&c, 1), " inside brackets"));
    if (!ruby_ || !is_letter(c)) {
      set.members += escaped();
      return absl::OkStatus();
    }
    if (c == 'c' || c == 'x') return member_code(set);
    if (c == 'H') return beside("[^0-9a-fA-F]");
    if (c == 'v') return add("\\x{b}");
    if (c == 'h') {
      at_ += 2;
      return join(set, {std::string(kHexMembers)});
    }
    if (is_one_of(c, "CM")) return refuse(std::string("\\") += c);
    if (is_one_of(c, "aefnrt")) return add(in_.substr(at_, 2));
    return add({&c, 1});
  }

  absl::Status member_code(Set& set) {
    const absl::StatusOr<std::string> text = code();
    if (text.ok()) set.members += *text;
    return text.status();
  }

  // Makes the class part of the set.
  absl::Status join(Set& set, const CharClass& known) const {
    if (known.complement) {
      set.others.push_back("[^" + known.members + "]");
      return absl::OkStatus();
    }
    // "a-" and "0-9" would be a range from a to 0.
    if (set.members.ends_with('-') && !set.members.ends_with("\\-")) return refuse("a range that ends with a class");
    set.members += known.members;
    return absl::OkStatus();
  }

  // [:name:] inside of brackets.
  absl::Status posix(Set& set) {
    const size_t end = in_.find(":]", at_);
    if (end == std::string_view::npos) return absl::InvalidArgumentError("regular expression: [: without :]");
    std::string_view name = in_.substr(at_ + 2, end - at_ - 2);
    if (!ruby_) {
      set.members += in_.substr(at_, end + 2 - at_);
      at_ = end + 2;
      return absl::OkStatus();
    }
    const bool caret = name.starts_with('^');
    if (caret) name.remove_prefix(1);
    std::optional<CharClass> known = posix_class(name);
    if (!known) return absl::InvalidArgumentError(concat("regular expression: the class [:", name, ":] is not known"));
    known->complement ^= caret;
    at_ = end + 2;
    return join(set, *known);
  }

  // Appends to `out` what matches one character of the set at at_.
  absl::Status brackets(std::string& out, int depth) {
    constexpr int kDeepest = 50;
    if (depth > kDeepest) return refuse("so deep a set");
    ++at_;
    const bool negated = at_ < in_.size() && in_[at_] == '^';
    if (negated) ++at_;
    std::string before;  // the sides of && before this one, each as a condition
    Set set;
    for (bool first = true;; first = false) {
      if (at_ >= in_.size()) return absl::InvalidArgumentError("regular expression: [ without ]");
      const char c = in_[at_];
      absl::Status status;
      if (c == ']' && !first) {
        ++at_;
        break;
      }
      if (c == '\\') {
        status = member(set);
      } else if (sees("[:")) {
        status = posix(set);
      } else if (c == '[' && ruby_) {
        status = brackets(set.others.emplace_back(), depth + 1);
      } else if (ruby_ && sees("&&")) {
        if (set.empty()) return refuse("an empty side of &&");
        before += "(?=" + set.one_character() + ")";
        set = {};
        at_ += 2;
      } else {
        // A hyphen that begins, and what has a meaning in PCRE2's brackets alone.
        if (c == '[' || c == ']' || c == '^' || (c == '-' && set.members.empty())) set.members += '\\';
        set.members += c;
        ++at_;
      }
      if (!status.ok()) return status;
    }
    if (set.empty() && !before.empty()) return refuse("an empty side of &&");
    if (before.empty() && set.others.empty()) {
      out += (negated ? "[^" : "[") + set.members + "]";
    } else if (negated) {
      out += "(?:(?!" + before + set.one_character() + ")(?s:.))";
    } else {
      out += before.empty() ? set.one_character() : "(?:" + before + set.one_character() + ")";
    }
    return absl::OkStatus();
  }

  std::string_view in_;
  bool ruby_;
  std::string out_;
  size_t at_ = 0;
  size_t atom_ = 0;                              // where the last atom begins in out_
  bool extended_ = false;                        // (?x): # begins a comment
  std::vector<Group> groups_ = {{0, 0, false}};  // the whole, and in it open groups
};

}  // namespace

absl::StatusOr<std::string> to_pcre2(std::string_view pattern, RegexSyntax syntax) {
  return Translator(pattern, syntax).run();
}

}  // namespace hearth::text
