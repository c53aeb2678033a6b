#include "serve/bench/load.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "core/base/error.h"
#include "core/base/threads.h"

namespace hearth::serve {
namespace {

using Clock = std::chrono::steady_clock;

int64_t nanoseconds(Clock::duration d) { return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count(); }

// The length of the answer at the front of `text`; 0 if it is incomplete, -1 if it is malformed.
struct Framing {
  int64_t length = 0;
  int status = 0;
  size_t body = 0;
  bool close = false;
};
Framing frame(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return {};
  Framing f;
  f.body = end + 4;
  if (text.size() < 12 || text.substr(0, 5) != "HTTP/") return {.length = -1};
  f.status = std::atoi(std::string(text.substr(9, 3)).c_str());
  int64_t content = -1;
  for (size_t at = text.find("\r\n") + 2; at < end + 2;) {
    const std::string_view line = text.substr(at, text.find("\r\n", at) - at);
    at += line.size() + 2;
    const auto is = [&](std::string_view name) {
      return line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
    };
    if (is("content-length:")) content = std::atoll(std::string(line.substr(15)).c_str());
    if (is("connection:")) f.close = line.find("close") != std::string_view::npos;
    if (is("transfer-encoding:")) return {.length = -1};  // the peers that are measured send lengths
  }
  if (content < 0) content = 0;
  const int64_t whole = static_cast<int64_t>(f.body) + content;
  if (static_cast<int64_t>(text.size()) >= whole) f.length = whole;
  return f;
}

struct Address {
  sockaddr_storage address{};
  socklen_t length = 0;
};
absl::StatusOr<Address> resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int e = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); e != 0)
    return absl::UnavailableError(concat(host, ": ", gai_strerror(e)));
  Address a;
  std::memcpy(&a.address, found->ai_addr, found->ai_addrlen);
  a.length = found->ai_addrlen;
  freeaddrinfo(found);
  return a;
}

// One thread's connections.
class Sender {
 public:
  Sender(const LoadOptions& options, const Address& address, int connections, double rate, std::atomic<int64_t>& left,
         uint64_t seed)
      : options_(options),
        address_(address),
        rate_(rate),
        left_(left),
        random_(seed),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (int i = 0; i < connections; ++i) connections_.push_back(std::make_unique<Connection>());
  }
  ~Sender() {
    for (auto& c : connections_) {
      if (c->fd >= 0) ::close(c->fd);
    }
    ::close(epoll_);
  }

  void run(Clock::time_point counted_from, Clock::time_point end) {
    counted_from_ = counted_from;
    end_ = end;
    next_ = Clock::now();
    for (auto& c : connections_) open(*c);
    std::array<epoll_event, 256> events{};
    while (!finished()) {
      int timeout = 50;
      if (rate_ > 0) {
        arrivals();
        timeout = static_cast<int>(std::clamp<int64_t>(nanoseconds(next_ - Clock::now()) / 1'000'000, 0, 50));
      }
      const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
      for (int i = 0; i < n; ++i) {
        auto& c = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
        if (c.fd >= 0) handle(c, events[static_cast<size_t>(i)].events);
      }
      retry();
    }
  }

  LoadResult result;

 private:
  struct Connection {
    int fd = -1;
    bool connected = false, waiting = false, ended = false;
    size_t sent = 0;
    std::string in;
    Clock::time_point started, again;
  };

  bool finished() const {
    if (ended_ == connections_.size()) return true;
    if (Clock::now() < end_ && !(options_.requests > 0 && left_.load(std::memory_order_relaxed) <= 0)) return false;
    // What is on its way is waited for, a while.
    return waiting_ == 0 || Clock::now() > end_ + std::chrono::seconds(30);
  }
  bool may_send() const {
    return Clock::now() < end_ && (options_.requests == 0 || left_.load(std::memory_order_relaxed) > 0);
  }

  void open(Connection& c) {
    c.fd = socket(address_.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c.connected = false;
    c.in.clear();
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&address_.address), address_.length) != 0 &&
        errno != EINPROGRESS)
      return broken(c);
    epoll_event e{.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data = {.ptr = &c}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e);
  }

  void broken(Connection& c) {
    ::close(c.fd);
    c.fd = -1;
    std::erase(idle_, &c);
    if (c.waiting) {
      c.waiting = false;
      --waiting_;
      ++result.lost;
    } else if (!c.connected) {
      ++result.refused;
      if (options_.until_refused) {
        c.ended = true;
        ++ended_;
        return;
      }
    }
    c.again = Clock::now() + std::chrono::milliseconds(c.connected ? 0 : 20);
    if (!may_send()) {
      c.ended = true;
      ++ended_;
    } else {
      retries_ = true;
    }
  }

  void retry() {
    if (!retries_) return;
    retries_ = false;
    const Clock::time_point now = Clock::now();
    for (auto& c : connections_) {
      if (c->fd >= 0 || c->ended) continue;
      if (now >= c->again) open(*c);
      else retries_ = true;
    }
  }

  void arrivals() {
    std::exponential_distribution<double> gap(rate_);
    while (next_ <= Clock::now() && next_ < end_) {
      if (!idle_.empty()) {
        Connection& c = *idle_.front();
        idle_.pop_front();
        begin(c, next_);
      } else {
        late_.push_back(next_);
      }
      next_ += std::chrono::nanoseconds(static_cast<int64_t>(gap(random_) * 1e9));
    }
  }

  void ready(Connection& c) {
    if (rate_ == 0) {
      if (may_send()) begin(c, Clock::now());
    } else if (!late_.empty()) {
      const Clock::time_point meant = late_.front();
      late_.pop_front();
      begin(c, meant);
    } else {
      idle_.push_back(&c);
    }
  }

  void begin(Connection& c, Clock::time_point meant) {
    if (options_.requests > 0 && left_.fetch_sub(1, std::memory_order_relaxed) <= 0) return;
    c.started = meant;
    c.sent = 0;
    c.waiting = true;
    ++waiting_;
    write(c);
  }

  void write(Connection& c) {
    while (c.sent < options_.request.size()) {
      const ssize_t n = send(c.fd, options_.request.data() + c.sent, options_.request.size() - c.sent, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno == EAGAIN) return;
        return;  // the answer may be there already (503): reading finds out
      }
      c.sent += static_cast<size_t>(n);
    }
  }

  void handle(Connection& c, uint32_t events) {
    if (!c.connected) {
      int error = 0;
      socklen_t length = sizeof error;
      getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error != 0) return broken(c);
      if ((events & EPOLLOUT) == 0) return;
      c.connected = true;
      ready(c);
    }
    if (c.waiting && (events & EPOLLOUT) != 0 && c.sent < options_.request.size()) write(c);
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
    char buffer[64 << 10];
    while (c.fd >= 0) {
      const ssize_t n = recv(c.fd, buffer, sizeof buffer, 0);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) return broken(c);
      c.in.append(buffer, static_cast<size_t>(n));
      result.bytes_in += n;
      answer(c);
      if (static_cast<size_t>(n) < sizeof buffer && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
    }
  }

  void answer(Connection& c) {
    const Framing f = frame(c.in);
    if (f.length == 0) return;
    if (f.length < 0 || !c.waiting) return broken(c);
    const Clock::time_point now = Clock::now();
    c.waiting = false;
    --waiting_;
    if (now >= counted_from_) {
      ++result.statuses[f.status];
      if (f.status == 200) result.latency.add(nanoseconds(now - c.started));
    }
    if (result.example.empty() || (f.status != 200 && result.statuses[f.status] == 1))
      result.example = c.in.substr(f.body, static_cast<size_t>(f.length) - f.body);
    c.in.erase(0, static_cast<size_t>(f.length));
    if (f.close) {
      ::close(c.fd);
      c.fd = -1;
      c.again = now;
      if (may_send()) {
        retries_ = true;
      } else {
        c.ended = true;
        ++ended_;
      }
      return;
    }
    ready(c);
  }

  const LoadOptions& options_;
  const Address& address_;
  const double rate_;
  std::atomic<int64_t>& left_;
  std::mt19937_64 random_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> idle_;
  std::deque<Clock::time_point> late_;
  size_t waiting_ = 0, ended_ = 0;
  bool retries_ = false;
  Clock::time_point counted_from_, end_, next_;
};

double cpu_seconds() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

}  // namespace

size_t LatencyRecorder::bucket_of(int64_t ns) {
  const auto v = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
  if (v < kSub) return v;
  const int shift = std::bit_width(v) - 7;  // leaves 64 to 127
  return std::min<size_t>(static_cast<size_t>(shift + 1) * kSub + (v >> shift) - kSub, kSub * 42 - 1);
}

void LatencyRecorder::add(int64_t ns) {
  ++buckets_[bucket_of(ns)];
  ++count_;
  sum_ += ns;
  max_ = std::max(max_, ns);
}

void LatencyRecorder::merge(const LatencyRecorder& o) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += o.buckets_[i];
  count_ += o.count_;
  sum_ += o.sum_;
  max_ = std::max(max_, o.max_);
}

int64_t LatencyRecorder::quantile_ns(double q) const {
  const auto want = static_cast<int64_t>(std::ceil(q * static_cast<double>(count_)));
  int64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen < want || seen == 0) continue;
    if (i < kSub) return static_cast<int64_t>(i);
    const int shift = static_cast<int>(i / kSub) - 1;
    return std::min(max_, static_cast<int64_t>(((i % kSub + kSub + 1) << shift) - 1));
  }
  return max_;
}

int64_t LoadResult::answers() const {
  int64_t n = 0;
  for (const auto& [status, count] : statuses) n += count;
  return n;
}

absl::StatusOr<LoadResult> run_load(const LoadOptions& options) {
  if (options.threads < 1 || options.concurrency < 1) {
    return absl::InvalidArgumentError(concat("a load needs at least one thread and one connection, but there are ",
                                             options.threads, " and ", options.concurrency));
  }
  const auto address = resolve(options.host, options.port);
  if (!address.ok()) return address.status();
  {
    const int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int failed = connect(fd, reinterpret_cast<const sockaddr*>(&address->address), address->length);
    const int error = errno;
    ::close(fd);
    if (failed)
      return absl::UnavailableError(
          concat(options.host, " port ", options.port, ": connecting: ", std::strerror(error)));
  }
  std::atomic<int64_t> left{options.requests};
  std::vector<std::unique_ptr<Sender>> senders;
  const int threads = std::min(options.threads, options.concurrency);
  for (int i = 0; i < threads; ++i) {
    const int share = options.concurrency / threads + (i < options.concurrency % threads ? 1 : 0);
    senders.push_back(
        std::make_unique<Sender>(options, *address, share, options.rate / threads, left, 1 + static_cast<uint64_t>(i)));
  }
  const double cpu = cpu_seconds();
  const Clock::time_point start = Clock::now(),
                          counted = start + (options.requests > 0 ? Clock::duration(0) : options.warmup);
  const Clock::time_point end = options.requests > 0 ? start + std::chrono::hours(24) : counted + options.duration;
  ThreadGroup running([] {});
  running.start("the load", threads, [&](int i) { senders[static_cast<size_t>(i)]->run(counted, end); });
  running.join();
  LoadResult r;
  r.seconds = std::chrono::duration<double>(std::min(Clock::now(), end) - counted).count();
  r.cpu_seconds = cpu_seconds() - cpu;
  for (auto& s : senders) {
    r.latency.merge(s->result.latency);
    for (const auto& [status, n] : s->result.statuses) r.statuses[status] += n;
    r.lost += s->result.lost;
    r.refused += s->result.refused;
    r.bytes_in += s->result.bytes_in;
    if (r.example.empty() || s->result.statuses.size() > 1) r.example = s->result.example;
  }
  if (r.answers() == 0 && r.refused > 0) {
    return absl::UnavailableError(concat("no connection to ", options.host, " port ", options.port, " could be made"));
  }
  return r;
}

absl::StatusOr<HttpAnswer> fetch(const std::string& host, int port, const std::string& request) {
  const auto address = resolve(host, port);
  if (!address.ok()) return address.status();
  const int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto failed = [&](const char* what) {
    const int error = errno;
    ::close(fd);
    return absl::UnavailableError(concat(host, " port ", port, ": ", what, ": ", std::strerror(error)));
  };
  const timeval limit{.tv_sec = 30, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address->address), address->length) != 0)
    return failed("connecting");
  for (size_t sent = 0; sent < request.size();) {
    const ssize_t n = send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n < 0) break;  // an answer may be there all the same
    sent += static_cast<size_t>(n);
  }
  std::string in;
  char buffer[16 << 10];
  while (true) {
    const Framing f = frame(in);
    if (f.length > 0) {
      ::close(fd);
      return HttpAnswer{f.status, in.substr(f.body, static_cast<size_t>(f.length) - f.body)};
    }
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0) return failed("reading");
    if (n == 0) {
      errno = ECONNRESET;
      return failed("the connection ended without an answer");
    }
    in.append(buffer, static_cast<size_t>(n));
  }
}

std::string http_request(const std::string& method, const std::string& path, const std::string& host,
                         const std::string& headers, const std::string& body) {
  return concat(method, " ", path, " HTTP/1.1\r\nHost: ", host, "\r\n", headers, "Content-Length: ", body.size(),
                "\r\n\r\n", body);
}

}  // namespace hearth::serve
