#include "text/regex/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "text/regex/ruby_syntax.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxPattern = size_t{64} << 10;
// Each is reached in well under a second; the patterns of real tokenizers stay far below on any text. Going back over
// a long run of spaces is one step a byte for each alternative.
constexpr uint64_t kMatchLimit = 5'000'000;
constexpr uint64_t kMatchLimitPerByte = 16;
constexpr uint32_t kDepthLimit = 100'000;
constexpr uint32_t kHeapLimitKib = 64 << 10;
constexpr size_t kJitStack = size_t{512} << 10;
// A match is looked for in so many bytes at first; what is left of a text is taken whole if it is not long.
constexpr size_t kWindow = 4096;
constexpr size_t kShortText = 4 * kWindow;

struct FreeCode {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
};

// What a thread needs to match: no call of find() allocates.
struct Workspace {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, kJitStack, nullptr);
  Workspace() {
    if (!context) return;
    pcre2_set_depth_limit(context, kDepthLimit);
    pcre2_set_heap_limit(context, kHeapLimitKib);
    if (stack) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Workspace() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
};

// The end of a window of at least `size` bytes, at a character's end.
size_t window_end(std::string_view text, size_t from, size_t size) {
  if (text.size() - from <= size) return text.size();
  size_t end = from + size;
  while (end < text.size() && is_continuation(text[end])) ++end;
  return end;
}

std::string message_of(int code) {
  PCRE2_UCHAR text[200];
  const int n = pcre2_get_error_message(code, text, sizeof text);
  return n < 0 ? concat("error ", code) : std::string(reinterpret_cast<const char*>(text), static_cast<size_t>(n));
}

}  // namespace

struct Regex::Impl {
  std::string pattern;
  std::unique_ptr<pcre2_code, FreeCode> code;
};

absl::StatusOr<Regex> Regex::compile(std::string_view pattern, RegexSyntax syntax) {
  if (pattern.size() > kMaxPattern) {
    return absl::InvalidArgumentError(
        concat("regular expression: ", pattern.size(), " bytes are more than the limit of ", kMaxPattern));
  }
  if (find_invalid_utf8(pattern) != std::string_view::npos) {
    return absl::InvalidArgumentError("regular expression: not valid UTF-8");
  }
  const absl::StatusOr<std::string> translated = to_pcre2(pattern, syntax);
  if (!translated.ok()) return translated.status();
  pcre2_compile_context* const context = pcre2_compile_context_create(nullptr);
  if (context) {
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, 200);
  }
  int error = 0;
  size_t where = 0;
  const uint32_t options =
      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (syntax == RegexSyntax::kRuby ? PCRE2_MULTILINE : 0);
  auto impl = std::make_shared<Impl>();
  impl->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(), options, &error,
                                 &where, context));
  pcre2_compile_context_free(context);
  if (!impl->code) return absl::InvalidArgumentError(concat("regular expression: ", message_of(error)));
  // Where the system forbids code made at run time, the interpreter does the same, slower.
  pcre2_jit_compile(impl->code.get(), PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
  impl->pattern = pattern;
  return Regex(std::move(impl));
}

uint64_t Regex::work_for(size_t text_size) { return (uint64_t{64} << 20) + uint64_t{256} * text_size; }

absl::StatusOr<bool> Regex::find(std::string_view text, size_t from, Match& match) const {
  uint64_t work = work_for(text.size());
  return find(text, from, match, work);
}

// PCRE2's limits do not count how far a pattern looks: a+b looks at every a from each of them. So a long text is shown
// to it in windows. Where it wants to see more than a window (a partial match), the window grows, and that is what
// counts.
absl::StatusOr<bool> Regex::find(std::string_view text, size_t from, Match& match, uint64_t& work) const {
  thread_local const Workspace workspace;
  if (!workspace.data || !workspace.context) return absl::ResourceExhaustedError("regular expression: out of memory");
  const auto too_much = [&](std::string_view why) {
    return absl::ResourceExhaustedError(concat("regular expression: the pattern backtracks too often on this text (",
                                               why, "): ", impl_->pattern.substr(0, 100)));
  };
  size_t size = text.size() - from <= kShortText ? kShortText : kWindow;
  for (;;) {
    const size_t end = window_end(text, from, size);
    const bool last = end == text.size();
    if (size > kShortText) {
      if (work < end - from) return too_much("it looks far ahead at many places");
      work -= end - from;
    }
    pcre2_set_match_limit(workspace.context, static_cast<uint32_t>(std::min<uint64_t>(
                                                 kMatchLimit + kMatchLimitPerByte * (end - from), 0xFFFFFFFF)));
    const int code =
        pcre2_match(impl_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), end, from,
                    PCRE2_NO_UTF_CHECK | (last ? 0 : PCRE2_PARTIAL_HARD), workspace.data, workspace.context);
    const size_t* const ends = pcre2_get_ovector_pointer(workspace.data);
    if (code >= 0 && (last || ends[1] < end)) {
      match = {ends[0], ends[1]};
      return true;
    }
    if (code == PCRE2_ERROR_NOMATCH) {
      if (last) return false;
      from = end;  // No match begins before it.
      size = text.size() - from <= kShortText ? kShortText : kWindow;
    } else if (code >= 0 || code == PCRE2_ERROR_PARTIAL) {
      size *= 4;
    } else {
      return too_much(message_of(code));
    }
  }
}

const std::string& Regex::pattern() const { return impl_->pattern; }

}  // namespace hearth::text
