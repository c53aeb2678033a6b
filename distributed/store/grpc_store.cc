#include "distributed/store/grpc_store.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/utf8.h"
#include "distributed/store/grpc_wire_internal.h"
#include "distributed/store/store.grpc.pb.h"

namespace hearth::distributed {
namespace {

// Of a call that waits for nothing. A busy machine takes its time; a host that is cut off is noticed sooner.
constexpr std::chrono::seconds kCallTimeout{20};
// Waits shorter than the way there and back are a question.
constexpr std::chrono::milliseconds kShortest{50};

class Client final : public Store {
 public:
  Client(const std::shared_ptr<grpc::Channel>& channel, std::string name, std::string token)
      : token_(std::move(token)), name_(std::move(name)), stub_(StoreService::NewStub(channel)) {}

  absl::Status set(const std::string& key, const std::string& value) override {
    return call<StoreNothing>(entry(key, value), &StoreService::Stub::Set).status();
  }
  absl::StatusOr<std::string> get(const std::string& key) override {
    return value_of(call<StoreValue>(key_of(key), &StoreService::Stub::Get));
  }
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) override {
    return value_of(call<StoreValue>(entry(key, value), &StoreService::Stub::SetIfAbsent));
  }
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) override {
    StoreAmount in;
    in.set_key(key);
    in.set_amount(amount);
    const auto out = call<StoreNumber>(in, &StoreService::Stub::Add);
    if (!out.ok()) return out.status();
    return out->value();
  }
  absl::Status erase(const std::string& key) override {
    return call<StoreNothing>(key_of(key), &StoreService::Stub::Erase).status();
  }
  absl::StatusOr<std::string> wait(const std::string& key, std::chrono::milliseconds timeout,
                                   const std::stop_token& stop) override {
    if (timeout < kShortest) {
      absl::StatusOr<std::string> now = get(key);
      if (absl::IsNotFound(now.status())) return absl::DeadlineExceededError(now.status().message());
      return now;
    }
    grpc::ClientContext c;
    prepare(c, timeout);
    StoreValue out;
    const std::stop_callback cancel(stop, [&c] { c.TryCancel(); });
    const grpc::Status s = stub_->Wait(&c, key_of(key), &out);
    if (stop.stop_requested() && !s.ok()) return absl::CancelledError("store: the wait was ended");
    if (absl::Status status = status_of(s); !status.ok()) return status;
    return out.value();
  }
  // Whether the token is the server's.
  absl::Status greet() {
    const auto s = get("greeting").status();
    return absl::IsNotFound(s) ? absl::OkStatus() : s;
  }

 private:
  static StoreKey key_of(const std::string& key) {
    StoreKey in;
    in.set_key(key);
    return in;
  }
  static StoreEntry entry(const std::string& key, const std::string& value) {
    StoreEntry in;
    in.set_key(key);
    in.set_value(value);
    return in;
  }
  static absl::StatusOr<std::string> value_of(absl::StatusOr<StoreValue> out) {
    if (!out.ok()) return out.status();
    return std::move(*out->mutable_value());
  }
  template <class Out, class In>
  absl::StatusOr<Out> call(const In& in,
                           grpc::Status (StoreService::Stub::*method)(grpc::ClientContext*, const In&, Out*)) {
    grpc::ClientContext c;
    prepare(c, kCallTimeout);
    Out out;
    const absl::Status s = status_of((stub_.get()->*method)(&c, in, &out));
    if (absl::IsDeadlineExceeded(s)) return absl::UnavailableError(absl::StrCat("store: ", name_, " does not answer"));
    if (!s.ok()) return s;
    return out;
  }
  void prepare(grpc::ClientContext& c, std::chrono::milliseconds timeout) const {
    c.set_deadline(std::chrono::system_clock::now() + timeout);
    if (!token_.empty()) c.AddMetadata(kTokenHeader, token_);
  }
  absl::Status status_of(const grpc::Status& s) const {
    if (s.ok()) return absl::OkStatus();
    const auto code = static_cast<absl::StatusCode>(s.error_code());
    const std::string text = printable(s.error_message(), kPrintedMessage);
    if (text.rfind("store: ", 0) == 0) return {code, text};
    return {code, absl::StrCat("store: ", name_, ": ", text)};
  }

  const std::string token_, name_;
  std::unique_ptr<StoreService::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Store>> connect_store(const std::string& host, int port, const StoreSecurity& security,
                                                     std::chrono::milliseconds timeout) {
  if (absl::Status s = check_token(security.token); !s.ok()) return s;
  grpc::ChannelArguments a;
  // A host that is cut off is noticed within four seconds; a busy one has two to answer.
  a.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 2000);
  a.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 2000);
  a.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  a.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  a.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  a.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  a.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 500);
  a.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  a.SetMaxReceiveMessageSize(static_cast<int>(kMaxStoreValue + 64));
  // A connection of its own, not one that other clients of this process use.
  a.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (security.tls()) {
    const auto ca = read_pem(security.ca_file);
    if (!ca.ok()) return ca.status();
    if (ca->empty())
      return absl::InvalidArgumentError("store: a client with TLS needs a file of certificates to trust");
    credentials = grpc::SslCredentials({.pem_root_certs = *ca});
  }
  const std::string name = address_of(host, port);
  const auto channel = grpc::CreateCustomChannel(name, credentials, a);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + timeout))
    return absl::UnavailableError(absl::StrCat("store: ", name, " does not answer within ", timeout.count(), " ms",
                                               security.tls() ? " (TLS)" : ""));
  auto client = std::make_shared<Client>(channel, name, security.token);
  if (absl::Status s = client->greet(); !s.ok()) return s;
  return std::shared_ptr<Store>(std::move(client));
}

}  // namespace hearth::distributed
