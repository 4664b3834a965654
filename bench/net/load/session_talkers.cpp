// DTLS: our Session, for every contender alike.
#include <dtls/session.hpp>

#include <deque>
#include <variant>

#include "net/load/talker.hpp"

namespace dtls::bench {
namespace {

template <typename T>
T must(Result<T> result) {
  require(static_cast<bool>(result), result ? "" : result.error().message.c_str());
  return std::move(*result);
}

// Contexts gives each association its context: one for all of them, unless they resume sessions of
// DTLS 1.3, whose tickets are for one use.
class Contexts {
 public:
  Contexts(Version version, const std::string& root_pem, Handshakes handshakes)
      : resumes_(handshakes == Handshakes::kResumed),
        single_use_(resumes_ && version == Version::kDtls13) {
    config_.ca = root_pem;
    config_.server_name = kServerName;
    config_.tickets = resumes_;
    const auto spoken =
        version == Version::kDtls12 ? ProtocolVersion::kDtls12 : ProtocolVersion::kDtls13;
    config_.versions = {.min = spoken, .max = spoken};
    full_ = must(Context::for_client(config_));
  }

  std::shared_ptr<const Context> next() {
    if (resuming_.empty()) return full_;
    auto context = resuming_.front();
    if (single_use_) resuming_.pop_front();
    return context;
  }
  void keep(SessionTicket ticket) {
    if (!single_use_ && !resuming_.empty()) return;
    config_.session = std::move(ticket);
    resuming_.push_back(must(Context::for_client(config_)));
  }
  [[nodiscard]] bool resumes() const { return resumes_; }
  [[nodiscard]] bool single_use() const { return single_use_; }

 private:
  ClientConfig config_;
  bool resumes_;
  bool single_use_;
  std::shared_ptr<const Context> full_;
  std::deque<std::shared_ptr<const Context>> resuming_;
};

class SessionTalker final : public Talker {
 public:
  SessionTalker(Contexts& contexts, const Address& server, TimePoint now)
      : contexts_(&contexts), session_(must(Session::client(contexts.next(), server, now))) {}

  [[nodiscard]] bool is_established() const override { return established_; }
  [[nodiscard]] bool is_as_wished() const override {
    return session_.negotiated()->resumed == contexts_->resumes();
  }
  [[nodiscard]] bool may_leave() const override { return ticketed_ || !contexts_->single_use(); }

  std::size_t seal(std::span<const std::byte> message, std::span<std::byte> out) override {
    const auto size = session_.seal(message, out);
    require(static_cast<bool>(size), "the load cannot send");
    return *size;
  }
  std::size_t receive(std::span<std::byte> datagram, TimePoint now) override {
    if (const auto message = session_.open(datagram, now)) return message->size();
    return drain();
  }
  std::size_t transmit(std::span<std::byte> out) override { return session_.poll_transmit(out); }
  void handle_time(TimePoint now) override {
    const auto deadline = session_.deadline();
    if (!deadline || *deadline > now) return;
    session_.handle_timeout(now);
    drain();
  }
  void close() override { session_.close(); }

 private:
  std::size_t drain() {
    std::size_t size = 0;
    while (const auto event = session_.poll_event()) {
      if (std::holds_alternative<Connected>(*event)) established_ = true;
      if (const auto* message = std::get_if<Message>(&*event)) size = message->bytes.size();
      if (const auto* failed = std::get_if<Failed>(&*event)) {
        require(false, failed->error.message.c_str());
      }
      if (std::holds_alternative<TicketReceived>(*event) && contexts_->resumes()) {
        if (auto ticket = session_.take_ticket()) contexts_->keep(std::move(*ticket));
        ticketed_ = true;
      }
    }
    return size;
  }

  Contexts* contexts_;
  Session session_;
  bool established_ = false;
  bool ticketed_ = false;
};

class SessionTalkers final : public Talkers {
 public:
  SessionTalkers(Version version, const std::string& root_pem, const Peer& server,
                 Handshakes handshakes)
      : contexts_(version, root_pem, handshakes), server_(server.as_address()) {}

  std::unique_ptr<Talker> make(TimePoint now) override {
    return std::make_unique<SessionTalker>(contexts_, server_, now);
  }
  [[nodiscard]] std::size_t overhead() const override { return kMaxExpansion; }

 private:
  Contexts contexts_;
  Address server_;
};

}  // namespace

std::unique_ptr<Talkers> make_session_talkers(Version version, const std::string& root_pem,
                                              const Peer& server, Handshakes handshakes) {
  return std::make_unique<SessionTalkers>(version, root_pem, server, handshakes);
}

}  // namespace dtls::bench
