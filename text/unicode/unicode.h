// Properties of characters, normal forms, and the alphabet of byte-level vocabularies. The data is ICU's (Unicode 15).
// All functions are thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

/// The normal forms of Unicode (UAX #15).
enum class NormalForm : uint8_t {
  kNfc,   ///< Canonical decomposition, then composition.
  kNfd,   ///< Canonical decomposition.
  kNfkc,  ///< Compatibility decomposition, then composition.
  kNfkd,  ///< Compatibility decomposition.
};

/// A character of a changed text, and how it came to be there.
struct CharChange {
  char32_t c;      ///< The new character.
  int32_t change;  ///< 0: it replaces one; -n: it replaces one, and n after it are removed; above 0: it is inserted.
};

/// Whether the valid UTF-8 is surely in the normal form. false may also mean that only a slower look could tell.
bool is_normalized(std::string_view text, NormalForm form);
/// The text in a normal form. Malformed UTF-8 is replaced first, as by replace_invalid_utf8().
std::string normalize(std::string_view text, NormalForm form);
/// The characters of valid UTF-8 in a normal form, each with its change; appended to `out`.
void normalize_changes(std::string_view text, NormalForm form, std::vector<CharChange>& out);

/// Property White_Space.
bool is_white_space(char32_t c);
/// Category Mn.
bool is_nonspacing_mark(char32_t c);
/// Categories Mn, Mc, Me.
bool is_mark(char32_t c);
/// Categories Nd, Nl, No.
bool is_number(char32_t c);
/// Categories Pc, Pd, Ps, Pe, Pi, Pf, Po.
bool is_punctuation(char32_t c);
/// Punctuation, or one of ASCII's symbols ($+<=>^`|~): what BERT splits at.
bool is_bert_punctuation(char32_t c);
/// Categories Cc, Cf, Co, Cs: characters that are no text.
bool is_control_or_format(char32_t c);
/// A character of words (UTS #18, `\w`): alphabetic, mark, decimal digit, connector punctuation, join control.
bool is_word(char32_t c);
/// Ideographs as BERT counts them: the CJK Unified blocks and extensions, no kana, no Hangul.
bool is_bert_ideograph(char32_t c);

/// Lower case of one character, by itself: one to three characters, written to `out`; returns how many.
int to_lower(char32_t c, char32_t out[3]);

/// A number for the script of the character, equal for equal scripts; -1 for unassigned characters.
int script(char32_t c);
/// script() of Han, Hiragana and Katakana characters.
struct EastAsianScripts {
  int han;       ///< Of Han characters.
  int hiragana;  ///< Of Hiragana characters.
  int katakana;  ///< Of Katakana characters.
};
/// The values that script() has for them.
EastAsianScripts east_asian_scripts();

/// The ends of the extended grapheme clusters (UAX #29) of valid UTF-8, in bytes, ascending; appended to `out`.
void grapheme_ends(std::string_view text, std::vector<uint32_t>& out);

/// The printable character by which byte-level vocabularies (GPT-2) write the byte.
char32_t byte_to_char(uint8_t byte);
/// The byte that the character stands for in byte-level vocabularies, or -1.
int char_to_byte(char32_t c);

}  // namespace hearth::text
