// HttpPlace: counts a connection among those of its server and of its client's address.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "core/base/mutex.h"
#include "serve/base/counted.h"
#include "serve/http/server.h"

namespace hearth::serve {

/// State that all connections of a server share.
struct HttpShared {
  HttpServerOptions options;
  HttpHandler handler;
  std::atomic<int64_t> connections{0};  // accepted and not yet ended
  std::atomic<int64_t> restricted{0};   // of them those beyond a limit
  std::atomic<bool> draining{false}, stopping{false};
  std::atomic<int64_t> drain_grace_ends{0};  // Clock's count
  Mutex mutex;
  std::map<std::string, int64_t> peers ABSL_GUARDED_BY(mutex);  // connections of each address
};

/// Held from the moment a connection is accepted until it has ended. Thread-safe constructor and destructor.
class HttpPlace {
 public:
  /// The limit that the connection exceeds.
  enum class Limit : uint8_t { kNone, kServer, kPeer };
  HttpPlace(HttpShared& shared, const boost::asio::ip::tcp::socket& socket);
  ~HttpPlace();
  HttpPlace(const HttpPlace&) = delete;
  HttpPlace& operator=(const HttpPlace&) = delete;

  /// Marks the connection as one beyond a limit. Once at most.
  void restrict(Limit limit);
  Limit limit() const { return limit_; }
  /// The server's connections when this one came, with it.
  int64_t connections() const { return count_.value(); }
  /// The connections of the client's address when this one came, with it.
  int64_t peer_connections() const { return of_its_peer_; }
  /// The client's IP address.
  const std::string& peer() const { return peer_; }

 private:
  HttpShared& shared_;
  const Counted count_;  // destroyed last
  std::string peer_, network_;
  int64_t of_its_peer_ = 0;
  Limit limit_ = Limit::kNone;
};

}  // namespace hearth::serve
