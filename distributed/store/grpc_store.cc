#include "distributed/store/grpc_store.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/io/file.h"
#include "distributed/store/store.grpc.pb.h"
#include "distributed/store/table.h"

namespace hearth::distributed {
namespace {

constexpr const char* kToken = "hearth-token";
constexpr uint64_t kMaxPem = 1 << 20;
// Of a call that waits for nothing. A busy machine takes its time; a host that is cut off is noticed sooner.
constexpr std::chrono::seconds kCallTimeout{20};
// Waits shorter than the way there and back are a question.
constexpr std::chrono::milliseconds kShortest{50};

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

absl::StatusOr<std::string> pem(const std::string& path) {
  if (path.empty()) return std::string();
  return io::read_file(path, kMaxPem);
}

std::string at(const std::string& host, int port) {
  // An IPv6 address stands in brackets.
  return host.find(':') != std::string::npos && host.front() != '[' ? absl::StrCat("[", host, "]:", port)
                                                                    : absl::StrCat(host, ":", port);
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
      const auto certificate = pem(security.certificate_file), key = pem(security.key_file);
      if (!certificate.ok()) return certificate.status();
      if (!key.ok()) return key.status();
      if (certificate->empty() || key->empty())
        return absl::InvalidArgumentError("store: a server with TLS needs a certificate and a private key");
      grpc::SslServerCredentialsOptions o;
      o.pem_key_cert_pairs.push_back({*key, *certificate});
      credentials = grpc::SslServerCredentials(o);
    }
    grpc::ServerBuilder b;
    b.AddListeningPort(at(address, port), credentials, &port_);
    b.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Clients look whether the connection still stands; see connect_store.
    b.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 500);
    b.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    b.SetMaxReceiveMessageSize(static_cast<int>(kMaxStoreValue + kMaxStoreKey + 64));
    b.RegisterService(this);
    server_ = b.BuildAndStart();
    if (!server_ || port_ == 0)
      return absl::UnavailableError(absl::StrCat("store: cannot listen on ", at(address, port)));
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
    const auto it = c->client_metadata().find(kToken);
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
    if (value.ok()) out->set_value(*std::move(value));
    return value.status();
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
  auto impl = std::make_unique<Impl>(security.token);
  if (absl::Status s = impl->start(address, port, security); !s.ok()) return s;
  return std::unique_ptr<StoreServer>(new StoreServer(std::move(impl)));
}

namespace {

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
    if (!token_.empty()) c.AddMetadata(kToken, token_);
  }
  absl::Status status_of(const grpc::Status& s) const {
    if (s.ok()) return absl::OkStatus();
    const auto code = static_cast<absl::StatusCode>(s.error_code());
    if (s.error_message().rfind("store: ", 0) == 0) return {code, s.error_message()};
    return {code, absl::StrCat("store: ", name_, ": ", s.error_message())};
  }

  const std::string token_, name_;
  std::unique_ptr<StoreService::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Store>> connect_store(const std::string& host, int port, const StoreSecurity& security,
                                                     std::chrono::milliseconds timeout) {
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
    const auto ca = pem(security.ca_file);
    if (!ca.ok()) return ca.status();
    if (ca->empty())
      return absl::InvalidArgumentError("store: a client with TLS needs a file of certificates to trust");
    credentials = grpc::SslCredentials({.pem_root_certs = *ca});
  }
  const std::string name = at(host, port);
  const auto channel = grpc::CreateCustomChannel(name, credentials, a);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + timeout))
    return absl::UnavailableError(absl::StrCat("store: ", name, " does not answer within ", timeout.count(), " ms",
                                               security.tls() ? " (TLS)" : ""));
  auto client = std::make_shared<Client>(channel, name, security.token);
  if (absl::Status s = client->greet(); !s.ok()) return s;
  return std::shared_ptr<Store>(std::move(client));
}

}  // namespace hearth::distributed
