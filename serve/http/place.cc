#include "core/base/mutex.h"
#include "serve/http/place_internal.h"

namespace hearth::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// One peer: an IPv4 address, or the first 64 bits of an IPv6 address, which one site has.
std::string network_of(const asio::ip::address& a) {
  if (a.is_v4()) return a.to_string();
  const asio::ip::address_v6 v6 = a.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  const auto bytes = v6.to_bytes();
  return {reinterpret_cast<const char*>(bytes.data()), 8};
}

}  // namespace

HttpPlace::HttpPlace(HttpShared& shared, const tcp::socket& socket) : shared_(shared), count_(shared.connections) {
  error_code e;
  const auto end = socket.remote_endpoint(e);
  if (e) return;
  peer_ = end.address().to_string();
  network_ = network_of(end.address());
  const MutexLock lock(shared_.mutex);
  of_its_peer_ = ++shared_.peers[network_];
}

HttpPlace::~HttpPlace() {
  if (of_its_peer_ > 0) {
    const MutexLock lock(shared_.mutex);
    if (const auto at = shared_.peers.find(network_); --at->second == 0) shared_.peers.erase(at);
  }
  if (limit_ != Limit::kNone) shared_.restricted.fetch_sub(1);
}

void HttpPlace::restrict(Limit limit) {
  limit_ = limit;
  shared_.restricted.fetch_add(1);
}

}  // namespace hearth::serve
