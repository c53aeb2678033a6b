#include "core/profiler/profiler.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>

#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/thread_state.h"
#include "core/device/stream.h"
#include "core/io/atomic_file.h"
#include "core/io/json_internal.h"
#include "core/op/op_call.h"
#include "core/profiler/flops_internal.h"

namespace hearth {
namespace {

constexpr double kNsPerUs = 1e3, kNsPerMs = 1e6, kBytesPerMb = 1e6, kFlopsPerGflop = 1e9;

constinit thread_local Profiler::Session* running = nullptr;

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int thread_number() {
  static std::atomic<int> next{0};
  static thread_local const int number = next++;
  return number;
}

// The memory that the call made: not of views, of tensors that it was given, or of what an operand had already.
int64_t bytes_made(const OpCall& c) {
  if (c.op.kind == OpKind::kView) return 0;
  int64_t bytes = 0;
  for (int k = 0; k < c.op.outputs; ++k) {
    const Tensor& t = c.out[k];
    if (!t.defined() || (k == 0 && c.bound) || t.device().is_meta()) continue;
    const Storage* const s = t.impl()->storage.get();
    bool new_one = s->owned();
    for (int i = 0; i < c.inputs(); ++i)
      new_one = new_one && !(c.is_tensor(i) && c.input(i).defined() && c.input(i).impl()->storage.get() == s);
    if (new_one) bytes += static_cast<int64_t>(s->bytes());
  }
  return bytes;
}

std::string text_of(const std::vector<std::pair<DType, Shape>>& operands) {
  std::string out;
  for (const auto& [dtype, shape] : operands) out += concat(out.empty() ? "" : " ", dtype, shape);
  return out;
}

std::string shown_name(const ProfileRecord& r) { return !r.scope && r.backward ? r.name + " (backward)" : r.name; }

bool before(ProfileOrder order, const ProfileRow& a, const ProfileRow& b) {
  switch (order) {
    case ProfileOrder::kSelf:
      return a.self_ns > b.self_ns;
    case ProfileOrder::kTotal:
      return a.total_ns > b.total_ns;
    case ProfileOrder::kCalls:
      return a.calls > b.calls;
    case ProfileOrder::kBytes:
      return a.bytes > b.bytes;
    case ProfileOrder::kFlops:
      return a.flops > b.flops;
    case ProfileOrder::kName:
      return false;
  }
  return false;
}

std::string fixed(double v) {
  constexpr size_t kRoom = 40;
  char text[kRoom];
  std::snprintf(text, sizeof text, "%.3f", v);
  return text;
}

// Columns: the first and the last to the left, numbers to the right.
std::string aligned(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string out;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string gap(widths[i] - line[i].size(), ' ');
      const bool last = i + 1 == line.size();
      if (i == 0) out += line[i] + gap;
      else out += "  " + (last ? line[i] : gap + line[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

}  // namespace

// What a session has recorded. It stays when the session has ended.
struct Profiler::Session::Log {
  Mutex mutex;
  std::vector<ProfileRecord> records ABSL_GUARDED_BY(mutex);
};

// A record that has begun. Only the thread of its session touches it, but for `abandoned`.
struct Profiler::Session::Frame {
  Frame* outer = nullptr;
  int depth = 0;
  int64_t start = 0, within = 0;       // nanoseconds; those of the records in it
  int64_t bytes = 0, flops = 0;        // of the ops in it
  std::shared_ptr<Frame> self{};       // of a scope: keeps it while its session has it
  std::atomic<bool> abandoned{false};  // a scope that has ended in another thread

  void add(int64_t ns, int64_t more_bytes, int64_t more_flops) {
    within += ns;
    bytes += more_bytes;
    flops += more_flops;
  }
};

struct Profiler::Shared {
  ProfilerOptions options;
  int64_t start = now_ns();
  std::atomic<size_t> kept{0};
  std::atomic<int64_t> dropped{0};
  mutable Mutex mutex;
  std::vector<std::shared_ptr<Session::Log>> logs ABSL_GUARDED_BY(mutex);
};

Profiler::Session::Session(Shared& shared)
    : shared_(shared), log_(std::make_shared<Log>()), outer_(running), guard_(*this) {
  thread_number();
  const MutexLock lock(shared_.mutex);
  shared_.logs.push_back(log_);
  running = this;
}
Profiler::Session::~Session() {
  running = outer_;
  while (innermost_) unlink(*innermost_);
}

bool Profiler::Session::holds(const Frame& frame) const {
  const Frame* f = innermost_;
  while (f && f != &frame) f = f->outer;
  return f != nullptr;
}

// Scopes may end before those within them, so it need not be the innermost one.
void Profiler::Session::unlink(Frame& frame) {
  Frame** link = &innermost_;
  while (*link != &frame) link = &(*link)->outer;
  *link = frame.outer;
  const std::shared_ptr<Frame> last = std::move(frame.self);
}

// Takes out the scopes within `until` that have ended in another thread: what ran in them counts in those around them.
void Profiler::Session::fold_abandoned(const Frame* until) {
  for (Frame* f = innermost_; f != until;) {
    Frame* const outer = f->outer;
    if (f->abandoned) {
      if (outer) outer->add(f->within, f->bytes, f->flops);
      unlink(*f);
    }
    f = outer;
  }
}

void Profiler::Session::enter(Frame& frame) {
  fold_abandoned(nullptr);
  frame.outer = innermost_;
  frame.depth = innermost_ ? innermost_->depth + 1 : 0;
  innermost_ = &frame;
  frame.start = now_ns();
}

void Profiler::Session::leave(Frame& frame, ProfileRecord record) {
  const int64_t end = now_ns();
  fold_abandoned(&frame);
  record.thread = thread_number();
  record.depth = frame.depth;
  record.start_ns = frame.start - shared_.start;
  record.total_ns = end - frame.start;
  record.self_ns = std::max<int64_t>(record.total_ns - frame.within, 0);
  record.bytes = frame.bytes;
  record.flops = frame.flops;
  record.backward = autograd::current_backward() != nullptr;
  if (frame.outer) frame.outer->add(record.total_ns, record.bytes, record.flops);
  unlink(frame);
  if (shared_.kept.fetch_add(1, std::memory_order_relaxed) >= shared_.options.max_records) {
    shared_.dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const MutexLock lock(log_->mutex);
  log_->records.push_back(std::move(record));
}

void Profiler::Session::intercept(OpCall& call) {
  ProfileRecord record{.name = call.op.name};
  if (shared_.options.modules) record.module = module_path();
  if (shared_.options.shapes) {
    for (int i = 0; i < call.inputs(); ++i) {
      if (call.is_tensor(i) && call.input(i).defined())
        record.operands.emplace_back(call.input(i).dtype(), call.input(i).shape());
    }
  }
  // Also when the op throws.
  struct Measured {
    Session& session;
    OpCall& call;
    ProfileRecord& record;
    Frame frame{};
    bool ran = false;
    ~Measured() {
      if (ran) {
        frame.bytes = bytes_made(call);
        frame.flops = flops_of(call);
      }
      session.leave(frame, std::move(record));
    }
  } measured{*this, call, record};
  enter(measured.frame);
  call.proceed();
  if (shared_.options.synchronize && !call.device.is_meta()) synchronize(call.device);
  measured.ran = true;
}

ProfileScope::ProfileScope(std::string_view name) {
  if (!running) [[likely]]
    return;
  name_ = name;
  frame_ = std::make_shared<Profiler::Session::Frame>();
  frame_->self = frame_;
  running->enter(*frame_);
}
ProfileScope::~ProfileScope() {
  if (!frame_) [[likely]]
    return;
  Profiler::Session* s = running;
  while (s && !s->holds(*frame_)) s = s->outer_;
  if (!s) {  // its session has ended, or runs in another thread
    frame_->abandoned = true;
    return;
  }
  ProfileRecord record{.name = std::move(name_), .scope = true};
  if (s->shared_.options.modules) record.module = module_path();
  s->leave(*frame_, std::move(record));
}

Profiler::Profiler(ProfilerOptions options) : shared_(std::make_unique<Shared>()) { shared_->options = options; }
Profiler::~Profiler() = default;

Profiler::Session Profiler::start() {
  for (const Session* s = running; s; s = s->outer_)
    HEARTH_CHECK(&s->shared_ != shared_.get(), "Profiler: it is running in this thread already");
  return Session(*shared_);
}

std::vector<ProfileRecord> Profiler::records() const {
  std::vector<ProfileRecord> out;
  const MutexLock lock(shared_->mutex);
  for (const auto& log : shared_->logs) {
    const MutexLock held(log->mutex);
    out.insert(out.end(), log->records.begin(), log->records.end());
  }
  std::ranges::stable_sort(out, {}, [](const ProfileRecord& r) { return std::tuple(r.thread, r.start_ns, r.depth); });
  return out;
}

int64_t Profiler::dropped() const { return shared_->dropped; }

void Profiler::clear() {
  const MutexLock lock(shared_->mutex);
  // Those that no session writes to any more.
  std::erase_if(shared_->logs, [](const auto& log) { return log.use_count() == 1; });
  for (const auto& log : shared_->logs) {
    const MutexLock held(log->mutex);
    log->records = {};
  }
  shared_->kept = 0;
  shared_->dropped = 0;
}

std::vector<ProfileRow> Profiler::rows(ProfileOrder order, bool by_operands) const {
  HEARTH_CHECK(!by_operands || shared_->options.shapes,
               "Profiler: rows by operands need ProfilerOptions::shapes while it is running");
  std::map<std::tuple<std::string, bool, std::string>, ProfileRow> found;
  for (const ProfileRecord& r : records()) {
    const std::string operands = by_operands ? text_of(r.operands) : "";
    ProfileRow& row = found[{shown_name(r), r.scope, operands}];
    row.name = shown_name(r);
    row.scope = r.scope;
    row.operands = operands;
    ++row.calls;
    row.total_ns += r.total_ns;
    row.self_ns += r.self_ns;
    row.bytes += r.bytes;
    row.flops += r.flops;
  }
  std::vector<ProfileRow> out;
  out.reserve(found.size());
  for (auto& [key, row] : found) out.push_back(std::move(row));
  std::ranges::stable_sort(out, [&](const ProfileRow& a, const ProfileRow& b) { return before(order, a, b); });
  return out;
}

std::string Profiler::table(ProfileOrder order, bool by_operands, size_t most) const {
  const std::vector<ProfileRow> all = rows(order, by_operands);
  ProfileRow sum;
  int64_t recorded_ns = 0;
  for (const ProfileRow& r : all) {
    recorded_ns += r.self_ns;
    if (r.scope) continue;
    sum.calls += r.calls;
    sum.total_ns += r.total_ns;
    sum.self_ns += r.self_ns;
    sum.bytes += r.bytes;
    sum.flops += r.flops;
  }
  std::vector<std::vector<std::string>> lines = {
      {"name", "calls", "total ms", "self ms", "self %", "mean us", "MB", "GFLOP", by_operands ? "operands" : ""}};
  const auto add = [&](const std::string& name, const ProfileRow& r) {
    const double share = recorded_ns > 0 ? static_cast<double>(r.self_ns) / static_cast<double>(recorded_ns) : 0;
    const double mean = r.calls > 0 ? static_cast<double>(r.total_ns) / static_cast<double>(r.calls) : 0;
    lines.push_back({name, concat(r.calls), fixed(static_cast<double>(r.total_ns) / kNsPerMs),
                     fixed(static_cast<double>(r.self_ns) / kNsPerMs), fixed(100 * share), fixed(mean / kNsPerUs),
                     fixed(static_cast<double>(r.bytes) / kBytesPerMb),
                     fixed(static_cast<double>(r.flops) / kFlopsPerGflop), r.operands});
  };
  for (size_t i = 0; i < std::min(most, all.size()); ++i)
    add(all[i].scope ? concat("[", all[i].name, "]") : all[i].name, all[i]);
  add("all ops", sum);
  std::string out = aligned(lines);
  if (all.size() > most) out += concat(all.size() - most, " more rows\n");
  if (dropped() > 0) out += concat(dropped(), " records were not kept\n");
  return out;
}

std::string Profiler::chrome_trace() const {
  using Json = nlohmann::json;
  const auto process = static_cast<int64_t>(::getpid());
  std::string out = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  bool first = true;
  for (const ProfileRecord& r : records()) {
    Json arguments = Json::object();
    if (r.bytes > 0) arguments["bytes"] = r.bytes;
    if (r.flops > 0) arguments["flops"] = r.flops;
    if (!r.module.empty()) arguments["module"] = r.module;
    if (!r.operands.empty()) arguments["operands"] = text_of(r.operands);
    const Json event = {{"ph", "X"},
                        {"name", shown_name(r)},
                        {"cat", r.scope      ? "scope"
                                : r.backward ? "backward"
                                             : "op"},
                        {"ts", static_cast<double>(r.start_ns) / kNsPerUs},
                        {"dur", static_cast<double>(r.total_ns) / kNsPerUs},
                        {"pid", process},
                        {"tid", r.thread},
                        {"args", std::move(arguments)}};
    out += first ? "\n" : ",\n";
    out += event.dump(-1, ' ', false, Json::error_handler_t::replace);
    first = false;
  }
  return out + "\n]}\n";
}

absl::Status Profiler::save_chrome_trace(const std::string& path) const { return io::write_file(path, chrome_trace()); }

}  // namespace hearth
