#include "examples/text/gpt_report.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "examples/common/canvas.h"
#include "examples/common/progress.h"

namespace hearth::examples {
namespace {

constexpr double kHeight = 1000, kTextSize = 12.5, kLineHeight = 19;
constexpr size_t kTexts = 5, kLines = 4;

// The lines of a text that is not wider than this; words are kept whole.
std::vector<std::string> wrapped(Canvas& c, const std::string& text, double width) {
  std::vector<std::string> lines(1);
  std::string word;
  const auto put = [&] {
    std::string& line = lines.back();
    const std::string longer = line.empty() ? word : line + " " + word;
    if (!line.empty() && c.text_width(longer, kTextSize) > width) lines.push_back(word);
    else line = longer;
    word.clear();
  };
  for (const char ch : text) {
    if (ch != ' ' && ch != '\n' && ch != '\t' && ch != '\r') {
      word += ch;
    } else if (!word.empty()) {
      put();
    }
  }
  if (!word.empty()) put();
  return lines;
}

// The first, the last and some between.
std::vector<WrittenText> some_of(const std::vector<WrittenText>& texts) {
  std::set<size_t> chosen;
  for (size_t i = 0; i < kTexts && !texts.empty(); ++i) chosen.insert(i * (texts.size() - 1) / (kTexts - 1));
  std::vector<WrittenText> out;
  for (const size_t i : chosen) out.push_back(texts[i]);
  return out;
}

void draw_texts(Canvas& c, const GptReport& r, const Box& card) {
  c.card(card);
  c.text("What it writes", card.x + kPadding, card.y + 30, 14, kInk, Align::kLeft, true);
  c.text("drawn at random after the words in front", card.right() - kPadding, card.y + 30, 11, kSoft, Align::kRight);
  const Box body = card.inset(kPadding, 52, kPadding, 14);
  const std::vector<WrittenText> texts = some_of(r.texts);
  if (texts.empty()) c.text("nothing", body.x, body.y + 20, 11, kSoft);
  const double row = body.h / kTexts, left = 120;
  double y = body.y;
  for (const WrittenText& t : texts) {
    c.text(absl::StrFormat("step %s", with_commas(t.step)), body.x, y + 14, 11, kSoft);
    std::vector<std::string> lines = wrapped(c, t.prompt + t.text, body.w - left);
    const bool cut = lines.size() > kLines;
    if (cut) {
      lines.resize(kLines);
      lines.back() += " …";
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      c.text(lines[i], body.x + left, y + 14 + static_cast<double>(i) * kLineHeight, kTextSize, kInk, Align::kLeft,
             false, body.w - left + 10);
    }
    y += row;
  }
}

}  // namespace

absl::Status draw_gpt_report(const GptReport& r, const std::string& path) {
  Canvas c(kHeight);
  draw_texts(c, r, draw_page(c, r.page, kHeight));
  return c.save(path);
}

}  // namespace hearth::examples
