#include "core/testing/op_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/testing/op_checks.h"
#include "core/testing/test_device.h"

namespace hearth::testing {
namespace {

struct Counts {
  std::map<std::string, int64_t> checks;
  size_t rows = 0, functions = 0, ops = 0, samples = 0;
};

class RowTest : public ::testing::Test {
 public:
  RowTest(const OpRow& row, const OpCheck& check, Counts& counts) : row_(row), check_(check), counts_(counts) {}
  void TestBody() override {
    static constexpr OpDef composed{.name = "", .dtypes = kAllTypes};
    const OpDef* record = row_.composed ? &composed : find_op(row_.op);
    ASSERT_NE(record, nullptr) << "the row is for an op that is not linked into this program: " << row_.op;
    counts_.checks[check_.name] += check_.run(row_, *record);
  }

 private:
  const OpRow& row_;
  const OpCheck& check_;
  Counts& counts_;
};

class CompletenessTest : public ::testing::Test {
 public:
  explicit CompletenessTest(const OpTable& table) : table_(table) {}
  void TestBody() override {
    std::map<std::string_view, int> rows, records;
    for (const OpRow& r : table_.rows) rows[r.op] += r.composed ? 0 : 1;
    for (const OpRow& r : table_.rows) EXPECT_TRUE(!r.composed || !find_op(r.op)) << "is an op: " << r.op;
    std::erase_if(rows, [](const auto& r) { return r.second == 0; });
    for (const OpDef* op : all_ops()) ++records[op->name];
    for (const auto& [name, n] : records) {
      EXPECT_EQ(n, 1) << "several records are called " << name;
      EXPECT_TRUE(!table_.owns(name) || rows.contains(name)) << "the op has no row in the op table: " << name;
    }
    for (const auto& [name, n] : rows) {
      EXPECT_EQ(n, 1) << "the op has several rows: " << name;
      EXPECT_TRUE(records.contains(name)) << "the row is for an op that is not linked into this program: " << name;
    }
    for (const OpRow& r : table_.rows) EXPECT_FALSE(r.samples.empty()) << "the row has no samples: " << r.op;
  }

 private:
  const OpTable& table_;
};

void add_test(const std::string& suite, const char* name, const std::function<::testing::Test*()>& make) {
#ifndef __clang_analyzer__  // which does not see that GoogleTest frees its factories
  ::testing::RegisterTest(suite.c_str(), name, nullptr, nullptr, __FILE__, __LINE__, make);
#endif
}

// On another device: whether it lacks just the kernels that the file names, a line for each.
class LackingTest : public ::testing::Test {
 public:
  void TestBody() override {
    const char* path = std::getenv("HEARTH_TEST_LACKING");
    std::set<std::string> known;
    if (path) {
      std::ifstream file(path);
      ASSERT_TRUE(file.is_open()) << "cannot read " << path;
      for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line[0] != '#') known.insert(line);
      }
    }
    for (const std::string& what : lacking()) EXPECT_TRUE(known.contains(what)) << "not known to be missing: " << what;
    for (const std::string& what : known) EXPECT_TRUE(lacking().contains(what)) << "is there by now: " << what;
  }
};

std::string suite_name(std::string op) {
  std::replace(op.begin(), op.end(), ':', '_');
  return op;
}

}  // namespace

HEARTH_REGISTRY(hearth_op_rows, OpRows, op_rows)

int run_op_table(int argc, char** argv, const std::function<OpTable()>& make) {
  ::testing::InitGoogleTest(&argc, argv);
  OpTable made = make();
  for (const OpRows* rows : op_rows()) rows->add(made.rows);
  const OpTable table = std::move(made);
  Counts counts;
  add_test("OpTable", "EveryOpHasARow", [&] { return new CompletenessTest(table); });
  for (const OpRow& row : table.rows) {
    counts.samples += row.samples.size();
    for (const OpCheck& check : op_checks()) {
      add_test(suite_name(row.op), check.name, [&] { return new RowTest(row, check, counts); });
    }
  }
  // After all others: they find out.
  if (!test_device().is_cpu()) add_test("OnDevice", "LacksWhatIsKnown", [] { return new LackingTest; });
  for (const OpRow& row : table.rows) ++(row.composed ? counts.functions : counts.rows);
  for (const OpDef* op : all_ops()) counts.ops += table.owns(op->name);
  const FilledMemory memory(0xff);
  const int failed = RUN_ALL_TESTS();
  std::string checks;
  int64_t total = 0;
  for (const auto& [name, n] : counts.checks) {
    checks += (checks.empty() ? "" : ", ") + name + " " + std::to_string(n);
    total += n;
  }
  std::printf("op table: %zu ops, %zu rows, %zu functions made of ops, %zu samples; %lld checks in this run (%s)\n",
              counts.ops, counts.rows, counts.functions, counts.samples, static_cast<long long>(total), checks.c_str());
  return failed;
}

}  // namespace hearth::testing
