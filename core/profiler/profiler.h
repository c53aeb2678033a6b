// Profiler: which ops and scopes took how much time, memory and arithmetic.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/op/interposer.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace hearth {

class Profiler;

/// What a Profiler records beside names and times.
struct ProfilerOptions {
  /// The shapes and dtypes of the operands.
  bool shapes = false;
  /// The module whose forward runs: "encoder.layers.3".
  bool modules = false;
  /// Waits for the device after each op, so that its time is that of the computation. Otherwise the time of an op on a
  /// GPU is what it takes to queue it. No effect on the CPU.
  bool synchronize = false;
  /// Further records are only counted (Profiler::dropped()).
  size_t max_records = 10'000'000;
};

/// One call of an op, or one ProfileScope.
struct ProfileRecord {
  /// The op's name, or the scope's.
  std::string name;
  /// True for a ProfileScope.
  bool scope = false;
  /// True if it ran within backward() or grad(): an op of a gradient.
  bool backward = false;
  /// Which thread, numbered from 0 as they first started a profiler.
  int thread = 0;
  /// In how many other records of its thread it lies.
  int depth = 0;
  /// When it began, in nanoseconds since the Profiler was made.
  int64_t start_ns = 0;
  /// How long it took.
  int64_t total_ns = 0;
  /// The same without the records within it, never below 0. The ops of which an op is composed are part of it and have
  /// no records.
  int64_t self_ns = 0;
  /// Bytes of the memory that the op made for its results; of a scope those of all ops within it.
  int64_t bytes = 0;
  /// Floating-point operations of products (matmul, linear, convolution, attention and their gradients), a
  /// multiplication and an addition counting as two, whatever a mask leaves out; 0 for all other ops. Of a scope those
  /// of all ops within it.
  int64_t flops = 0;
  /// With ProfilerOptions::modules the running module's path.
  std::string module;
  /// With ProfilerOptions::shapes the operands that are tensors.
  std::vector<std::pair<DType, Shape>> operands;
};

/// All records of one name.
struct ProfileRow {
  /// The name; that of an op of a gradient has " (backward)" behind it.
  std::string name;
  /// True for scopes.
  bool scope = false;
  /// The operands as text, where rows are kept apart by them; otherwise empty.
  std::string operands;
  /// How many records.
  int64_t calls = 0;
  /// The sum of their times. A scope within one of its own name counts in both.
  int64_t total_ns = 0;
  /// The sum of their times without the records within them.
  int64_t self_ns = 0;
  /// The sum of their bytes.
  int64_t bytes = 0;
  /// The sum of their floating-point operations.
  int64_t flops = 0;
};

/// The order of a table, largest first.
enum class ProfileOrder : uint8_t {
  kSelf,   ///< By self_ns.
  kTotal,  ///< By total_ns.
  kCalls,  ///< By calls.
  kBytes,  ///< By bytes.
  kFlops,  ///< By flops.
  kName,   ///< By name, from A on.
};

/// Records the ops and scopes of the threads in which it is started: torch.profiler.
///
///   Profiler p;
///   {
///     auto running = p.start();
///     for (auto& [x, y] : loader) {
///       ProfileScope step("step");
///       ...
///     }
///   }
///   std::cout << p.table();
///   io::or_throw(p.save_chrome_trace("trace.json"));
///
/// A thread in which no profiler runs pays nothing. backward() runs its ops in the thread that calls it, where they are
/// recorded; other threads (a loader's workers, ranks) call start() themselves. All members may be called from any
/// thread at any time.
class Profiler {
 public:
  class Session;
  /// Without records.
  explicit Profiler(ProfilerOptions options = {});
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  /// Records this thread's ops and scopes as long as what it returns lives, which the Profiler must outlive. It may be
  /// called again, in this thread when the first has ended. Throws Error if it is running in this thread already.
  [[nodiscard]] Session start();

  /// All records so far, ordered by thread and start.
  std::vector<ProfileRecord> records() const;
  /// How many were not kept (ProfilerOptions::max_records).
  int64_t dropped() const;
  /// The records added up by name, and by operands too if `by_operands`, which needs ProfilerOptions::shapes.
  std::vector<ProfileRow> rows(ProfileOrder order = ProfileOrder::kSelf, bool by_operands = false) const;
  /// rows() as a text with a line for each, at most `most` of them, and one for the sum of all ops without the scopes.
  /// The shares are those of all recorded time, which that of the scopes alone is part of.
  std::string table(ProfileOrder order = ProfileOrder::kSelf, bool by_operands = false, size_t most = 50) const;
  /// Writes the records in the format of Chrome's trace viewer, which chrome://tracing and https://ui.perfetto.dev
  /// show.
  absl::Status save_chrome_trace(const std::string& path) const;
  /// The text of that file.
  std::string chrome_trace() const;
  /// Forgets all records, and gives their memory back.
  void clear();

 private:
  friend class ProfileScope;
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

/// A Profiler that is running in this thread. It ends with this object, which stays where it is made.
class Profiler::Session final : private Interposer {
 public:
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  friend class Profiler;
  friend class ProfileScope;
  struct Frame;
  struct Log;
  explicit Session(Shared& shared);
  void intercept(OpCall& call) override;
  void enter(Frame& frame);
  void leave(Frame& frame, ProfileRecord record);
  bool holds(const Frame& frame) const;
  void unlink(Frame& frame);
  void fold_abandoned(const Frame* until);

  Shared& shared_;
  std::shared_ptr<Log> log_;
  Frame* innermost_ = nullptr;
  Session* outer_;
  InterposerGuard guard_;
};

/// A part of a program with a name of its own in the records of the profiler that is running in this thread, the
/// innermost if there are several; does nothing where none is: torch.profiler.record_function. It begins and ends where
/// the object does. Scopes nest. An op counts in the innermost open scope, and in those around it as scopes end: one
/// that ends before a scope within it lacks what ran in that. One that ends in another thread, or after its session, is
/// not recorded; in the first case what ran in it counts in the scope around it.
class ProfileScope {
 public:
  /// Begins the scope. `name` is copied, where a profiler runs.
  explicit ProfileScope(std::string_view name);
  ~ProfileScope();
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  std::string name_;
  std::shared_ptr<Profiler::Session::Frame> frame_;
};

}  // namespace hearth
