#include "text/unicode/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>

#include <algorithm>
#include <array>
#include <memory>

#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

// ICU's data for normal forms is part of its library: these cannot fail.
const icu::Normalizer2& instance(NormalForm form) {
  static const auto all = [] {
    UErrorCode error = U_ZERO_ERROR;
    return std::array<const icu::Normalizer2*, 4>{
        icu::Normalizer2::getNFCInstance(error), icu::Normalizer2::getNFDInstance(error),
        icu::Normalizer2::getNFKCInstance(error), icu::Normalizer2::getNFKDInstance(error)};
  }();
  return *all[static_cast<size_t>(form)];
}

uint32_t category(char32_t c) { return U_GET_GC_MASK(static_cast<UChar32>(c)); }

// A decomposed character with its combining class.
struct Decomposed {
  CharChange what;
  uint8_t combining;
};

// Decomposes, and puts marks in canonical order: runs of characters with a class above 0 are sorted by it, stably.
void decompose(std::string_view text, const icu::Normalizer2& form, std::vector<Decomposed>& out) {
  size_t run = 0;
  const auto order = [&] {
    std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(run), out.end(),
                     [](const Decomposed& a, const Decomposed& b) { return a.combining < b.combining; });
  };
  const auto add = [&](char32_t c, int32_t change) {
    const uint8_t combining = c < 0x300 ? 0 : u_getCombiningClass(static_cast<UChar32>(c));
    if (combining == 0) {
      if (out.size() - run > 1) order();
      run = out.size() + 1;
    }
    out.push_back({{c, change}, combining});
  };
  icu::UnicodeString mapping;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const char32_t c = next_char(p);
    if (c < 0x80 || !form.getDecomposition(static_cast<UChar32>(c), mapping)) {
      add(c, 0);
      continue;
    }
    for (int32_t i = 0; i < mapping.length();) {
      const UChar32 d = mapping.char32At(i);
      add(static_cast<char32_t>(d), i == 0 ? 0 : 1);
      i += U16_LENGTH(d);
    }
  }
  if (out.size() - run > 1) order();
}

// Canonical composition. A character that is taken up by the one before it is one fewer: its change counts with -1.
void compose(const std::vector<Decomposed>& in, std::vector<CharChange>& out) {
  const icu::Normalizer2& nfc = instance(NormalForm::kNfc);
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t starter = kNone;  // in out
  int last = 0;            // the class of the last character since the starter that was kept; 0: none since
  for (const Decomposed& d : in) {
    if (starter != kNone && (last == 0 || last < d.combining)) {
      const UChar32 joined = nfc.composePair(static_cast<UChar32>(out[starter].c), static_cast<UChar32>(d.what.c));
      if (joined >= 0) {
        out[starter].c = static_cast<char32_t>(joined);
        out[starter].change += d.what.change - 1;
        continue;
      }
    }
    if (d.combining == 0) {
      starter = out.size();
      last = 0;
    } else {
      last = d.combining;
    }
    out.push_back(d.what);
  }
}

struct CloseBreaks {
  void operator()(UBreakIterator* b) const { ubrk_close(b); }
};

}  // namespace

bool is_normalized(std::string_view text, NormalForm form) {
  if (is_ascii(text)) return true;
  // UAX #15, "Detecting Normalization Forms". ICU's own check goes back over the marks again and again.
  constexpr std::array<UProperty, 4> kQuickCheck = {UCHAR_NFC_QUICK_CHECK, UCHAR_NFD_QUICK_CHECK,
                                                    UCHAR_NFKC_QUICK_CHECK, UCHAR_NFKD_QUICK_CHECK};
  const UProperty property = kQuickCheck[static_cast<size_t>(form)];
  // Below it, all characters are as they should be and none is a mark.
  const char32_t simple = form == NormalForm::kNfc ? 0x300 : form == NormalForm::kNfd ? 0xC0 : 0xA0;
  uint8_t last = 0;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const char32_t c = next_char(p);
    if (c < simple || (c >= 0x4E00 && c <= 0x9FFF)) {
      last = 0;
      continue;
    }
    if (u_getIntPropertyValue(static_cast<UChar32>(c), property) != UNORM_YES) return false;
    const uint8_t combining = u_getCombiningClass(static_cast<UChar32>(c));
    if (combining != 0 && combining < last) return false;
    last = combining;
  }
  return true;
}

void normalize_changes(std::string_view text, NormalForm form, std::vector<CharChange>& out) {
  const bool compatible = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  std::vector<Decomposed> parts;
  parts.reserve(text.size());
  decompose(text, instance(compatible ? NormalForm::kNfkd : NormalForm::kNfd), parts);
  out.reserve(out.size() + parts.size());
  if (form == NormalForm::kNfc || form == NormalForm::kNfkc) {
    compose(parts, out);
  } else {
    for (const Decomposed& d : parts) out.push_back(d.what);
  }
}

std::string normalize(std::string_view text, NormalForm form) {
  std::string valid;
  if (find_invalid_utf8(text) != std::string_view::npos) text = valid = replace_invalid_utf8(text);
  if (is_normalized(text, form)) return std::string(text);
  std::vector<CharChange> changes;
  normalize_changes(text, form, changes);
  std::string out;
  out.reserve(text.size());
  for (const CharChange& c : changes) append_utf8(out, c.c);
  return out;
}

bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_WHITE_SPACE);
}
bool is_nonspacing_mark(char32_t c) { return c >= 0x300 && (category(c) & U_GC_MN_MASK) != 0; }
bool is_mark(char32_t c) { return c >= 0x300 && (category(c) & U_GC_M_MASK) != 0; }
bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return (category(c) & U_GC_N_MASK) != 0;
}
bool is_punctuation(char32_t c) { return (category(c) & U_GC_P_MASK) != 0; }
bool is_bert_punctuation(char32_t c) {
  if (c < 0x80) return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  return is_punctuation(c);
}
bool is_control_or_format(char32_t c) {
  if (c < 0x80) return c < 32 || c == 127;
  return (category(c) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK | U_GC_CS_MASK)) != 0;
}
bool is_word(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  if (u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_ALPHABETIC)) return true;
  return (category(c) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
         u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_JOIN_CONTROL);
}
bool is_bert_ideograph(char32_t c) {
  return c >= 0x3400 &&
         ((c >= 0x4E00 && c <= 0x9FFF) || c <= 0x4DBF || (c >= 0x20000 && c <= 0x2A6DF) ||
          (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
          (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F));
}

int to_lower(char32_t c, char32_t out[3]) {
  if (c < 0x80) {
    out[0] = c >= 'A' && c <= 'Z' ? c + 32 : c;
    return 1;
  }
  // The only unconditional lower case of several characters (SpecialCasing.txt) is that of U+0130.
  if (c == 0x130) {
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  out[0] = static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
  return 1;
}

int script(char32_t c) {
  UErrorCode error = U_ZERO_ERROR;
  const UScriptCode code = uscript_getScript(static_cast<UChar32>(c), &error);
  return U_FAILURE(error) || code == USCRIPT_UNKNOWN ? -1 : static_cast<int>(code);
}
EastAsianScripts east_asian_scripts() { return {USCRIPT_HAN, USCRIPT_HIRAGANA, USCRIPT_KATAKANA}; }

void grapheme_ends(std::string_view text, std::vector<uint32_t>& out) {
  // Opening one reads rules and costs microseconds: each thread keeps its own.
  thread_local const std::unique_ptr<UBreakIterator, CloseBreaks> breaks = [] {
    UErrorCode error = U_ZERO_ERROR;
    return std::unique_ptr<UBreakIterator, CloseBreaks>(ubrk_open(UBRK_CHARACTER, "", nullptr, 0, &error));
  }();
  UErrorCode error = U_ZERO_ERROR;
  UText input = UTEXT_INITIALIZER;
  utext_openUTF8(&input, text.data(), static_cast<int64_t>(text.size()), &error);
  if (breaks && U_SUCCESS(error)) ubrk_setUText(breaks.get(), &input, &error);
  if (!breaks || U_FAILURE(error)) {
    // Without ICU's data files every character is its own cluster.
    for (size_t i = 0; i < text.size();) {
      i += static_cast<size_t>(utf8_length(static_cast<unsigned char>(text[i])));
      out.push_back(static_cast<uint32_t>(i));
    }
  } else {
    for (int32_t end = ubrk_next(breaks.get()); end != UBRK_DONE; end = ubrk_next(breaks.get())) {
      out.push_back(static_cast<uint32_t>(end));
    }
  }
  utext_close(&input);
}

char32_t byte_to_char(uint8_t byte) {
  static const auto table = [] {
    std::array<char32_t, 256> t{};
    char32_t next = 256;
    for (char32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      t[b] = printable ? b : next++;
    }
    return t;
  }();
  return table[byte];
}

int char_to_byte(char32_t c) {
  static const auto table = [] {
    std::array<int16_t, 512> t{};
    t.fill(-1);
    for (int b = 0; b < 256; ++b) t[byte_to_char(static_cast<uint8_t>(b))] = static_cast<int16_t>(b);
    return t;
  }();
  return c < table.size() ? table[c] : -1;
}

}  // namespace hearth::text
