#include "distributed/store/store_server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "distributed/store/grpc_wire_internal.h"
#include "distributed/store/store.grpc.pb.h"
#include "distributed/store/store.h"
#include "distributed/store/table.h"

namespace hearth::distributed {
namespace {

// Memory of messages that are on their way, also of callers whose token has not been looked at.
constexpr size_t kOnTheWay = size_t{256} << 20;
// Calls of one connection at a time. A rank has one for each of its groups, which waits for word of a failure.
constexpr int kMostCalls = 1024;

// In a time that does not tell how much of it is right.
bool same_token(const grpc::string_ref& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < b.size(); ++i) difference |= static_cast<unsigned char>(a.data()[i] ^ b[i]);
  return difference == 0;
}

grpc::Status to_grpc(const absl::Status& s) {
  if (s.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(s.code()), std::string(s.message())};
}

}  // namespace

class StoreServer::Impl final : public StoreService::CallbackService {
 public:
  explicit Impl(std::string token) : token_(std::move(token)) {}
  ~Impl() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::Status start(const std::string& address, int port, const StoreSecurity& security) {
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
    if (security.tls()) {
      const auto certificate = read_pem(security.certificate_file), key = read_pem(security.key_file);
      if (!certificate.ok()) return certificate.status();
      if (!key.ok()) return key.status();
      if (certificate->empty() || key->empty())
        return absl::InvalidArgumentError("store: a server with TLS needs a certificate and a private key");
      grpc::SslServerCredentialsOptions o;
      o.pem_key_cert_pairs.push_back({*key, *certificate});
      credentials = grpc::SslServerCredentials(o);
    }
    grpc::ServerBuilder b;
    b.AddListeningPort(address_of(address, port), credentials, &port_);
    b.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Clients look whether the connection still stands; see connect_store.
    b.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 500);
    b.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    b.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostCalls);
    b.SetResourceQuota(grpc::ResourceQuota("store").Resize(kOnTheWay));
    b.SetMaxReceiveMessageSize(static_cast<int>(kMaxStoreValue + kMaxStoreKey + 64));
    b.RegisterService(this);
    server_ = b.BuildAndStart();
    if (!server_ || port_ == 0)
      return absl::UnavailableError(absl::StrCat("store: cannot listen on ", address_of(address, port)));
    return absl::OkStatus();
  }
  int port() const { return port_; }
  const Table& table() const { return table_; }

 private:
  using Context = grpc::CallbackServerContext;

  // Answers at once, with what f gives to a caller that has shown the token.
  template <class F>
  grpc::ServerUnaryReactor* answer(Context* c, F f) {
    auto* r = c->DefaultReactor();
    r->Finish(allowed(c) ? to_grpc(f()) : grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "another job's token"));
    return r;
  }
  bool allowed(Context* c) const {
    if (token_.empty()) return true;
    const auto it = c->client_metadata().find(kTokenHeader);
    return it != c->client_metadata().end() && same_token(it->second, token_);
  }

  // A wait for a value: finished by the value, or because its caller has gone; the table says which. gRPC reports a
  // cancellation only after the constructor.
  class Waiting final : public grpc::ServerUnaryReactor {
   public:
    Waiting(Table& table, const std::string& key, StoreValue* out) : table_(table) {
      const auto number = table.when_set(key, [this, out](const std::string& value) {
        out->set_value(value);
        Finish(grpc::Status::OK);
      });
      if (number.ok()) number_ = *number;
      else Finish(to_grpc(number.status()));
    }
    void OnCancel() override {
      if (table_.forget(number_)) Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

   private:
    Table& table_;
    uint64_t number_ = 0;
  };

  grpc::ServerUnaryReactor* Set(Context* c, const StoreEntry* in, StoreNothing*) override {
    return answer(c, [&] { return table_.set(in->key(), in->value()); });
  }
  grpc::ServerUnaryReactor* Wait(Context* c, const StoreKey* in, StoreValue* out) override {
    if (!allowed(c)) return answer(c, [] { return absl::OkStatus(); });
    return new Waiting(table_, in->key(), out);
  }
  grpc::ServerUnaryReactor* Get(Context* c, const StoreKey* in, StoreValue* out) override {
    return answer(c, [&] { return give(table_.get(in->key()), out); });
  }
  grpc::ServerUnaryReactor* SetIfAbsent(Context* c, const StoreEntry* in, StoreValue* out) override {
    return answer(c, [&] { return give(table_.set_if_absent(in->key(), in->value()), out); });
  }
  grpc::ServerUnaryReactor* Add(Context* c, const StoreAmount* in, StoreNumber* out) override {
    return answer(c, [&] {
      const auto sum = table_.add(in->key(), in->amount());
      if (sum.ok()) out->set_value(*sum);
      return sum.status();
    });
  }
  grpc::ServerUnaryReactor* Erase(Context* c, const StoreKey* in, StoreNothing*) override {
    return answer(c, [&] { return table_.erase(in->key()); });
  }
  static absl::Status give(absl::StatusOr<std::string> value, StoreValue* out) {
    if (!value.ok()) return value.status();
    out->set_value(*std::move(value));
    return absl::OkStatus();
  }

  const std::string token_;
  int port_ = 0;
  Table table_;
  std::unique_ptr<grpc::Server> server_;
};

StoreServer::StoreServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreServer::~StoreServer() = default;
int StoreServer::port() const { return impl_->port(); }
std::map<std::string, std::string> StoreServer::entries(const std::string& prefix) const {
  return impl_->table().entries(prefix);
}

absl::StatusOr<std::unique_ptr<StoreServer>> StoreServer::start(const std::string& address, int port,
                                                                const StoreSecurity& security) {
  if (absl::Status s = check_token(security.token); !s.ok()) return s;
  auto impl = std::make_unique<Impl>(security.token);
  if (absl::Status s = impl->start(address, port, security); !s.ok()) return s;
  return std::unique_ptr<StoreServer>(new StoreServer(std::move(impl)));
}

}  // namespace hearth::distributed
