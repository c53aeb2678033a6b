#!/usr/bin/env python3
"""Makes a GoogleTest program of the C++ snippets in a Markdown page.

    docs/snippets.py PAGE.md > page_test.cc

The snippets of one section (## heading) are one function, in their order; lines that begin with #include go to the
top of the file. What a section's snippets print must be what its ```text blocks say.
"""

import re
import sys


def sections(lines):
    """(heading, [(language, first line's number, text)]) of each section that has snippets."""
    heading, blocks = "Start", []
    language, start, text = None, 0, []
    for number, line in enumerate(lines, 1):
        fence = re.match(r"```(\w*)\s*$", line)
        if language is None and line.startswith("## "):
            if blocks:
                yield heading, blocks
            heading, blocks = line[3:].strip(), []
        elif fence and language is None:
            language, start, text = fence.group(1), number + 1, []
        elif fence:
            if language in ("cpp", "text"):
                blocks.append((language, start, "".join(text)))
            language = None
        elif language is not None:
            text.append(line)
    if language is not None:
        sys.exit("snippets: a code block is not closed")
    if blocks:
        yield heading, blocks


def main():
    page = sys.argv[1]
    with open(page, encoding="utf-8") as source:
        found = [s for s in sections(source.readlines()) if any(b[0] == "cpp" for b in s[1])]
    includes, functions = [], []
    for heading, blocks in found:
        name = "".join(word.capitalize() for word in re.findall(r"\w+", heading))
        body = []
        for language, start, text in blocks:
            if language != "cpp":
                continue
            body.append(f'#line {start} "{page}"')
            for line in text.splitlines():
                if line.startswith("#include"):
                    includes.append(line)
                    line = ""
                body.append(line)
        expected = "".join(text for language, _, text in blocks if language == "text")
        functions.append("\n".join([
            f"TEST(Page, {name}) {{", "  const Capture capture;", "  {", *body, "  }",
            f'  EXPECT_EQ(capture.text(), R"hearth({expected})hearth");', "}",
        ]))
    print(f"// Made from {page} by docs/snippets.py.")
    for include in sorted(set(includes + ["#include <gtest/gtest.h>", "#include <iostream>", "#include <sstream>"])):
        print(include)
    print("""
namespace {

class Capture {
 public:
  Capture() : before_(std::cout.rdbuf(text_.rdbuf())) {}
  ~Capture() { std::cout.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};
""")
    print("\n\n".join(functions))
    print("\n}  // namespace")


if __name__ == "__main__":
    main()
