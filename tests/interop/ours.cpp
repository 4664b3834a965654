#include "interop/ours.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "credentials/trust.hpp"
#include "dtls/session.hpp"
#include "support/engine_pair.hpp"

namespace dtls::interop {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

const Address kAnyPort = *Address::parse("127.0.0.1", 0);

}  // namespace

Ours::Ours(EventLoop& loop, OurWishes wishes)
    : loop_(loop),
      wishes_(std::move(wishes)),
      settings_(std::make_shared<const handshake::Settings>(std::move(wishes_.settings))),
      trust_(must(credentials::load_trust(wishes_.ca, false))) {
  if (!wishes_.identity.empty()) identity_ = test::to_identity(wishes_.identity);
  if (!settings_->is_server) return;
  gate_ = must(endpoint::CookieGate::create(must(endpoint::CookieSecrets::generate()), settings_));
  open(must(net::UdpSocket::bind(kAnyPort)));
}

Ours::~Ours() {
  forget();
  if (socket_.descriptor() >= 0) loop_.unwatch(watch_);
}

void Ours::open(net::UdpSocket socket) {
  if (socket_.descriptor() >= 0) loop_.unwatch(watch_);
  socket_ = std::move(socket);
  watch_ = must(loop_.watch(socket_.descriptor(), Interest::kRead, [this] { on_readable(); }));
}

void Ours::begin() {
  forget();
  established_ = closed_ = verified_ = has_talked_ = false;
  failure_.reset();
  messages_.clear();
  largest_ = 0;
  engine_ = std::make_unique<handshake::Engine>(settings_, *this);
}

void Ours::forget() {
  if (timer_) loop_.cancel_timer(*timer_);
  timer_.reset();
  engine_.reset();
  peer_.reset();
}

void Ours::connect(const Address& server, bool resumes) {
  begin();
  resumes_ = resumes;
  open(must(net::UdpSocket::connect(server)));
  peer_ = server;
  engine_->start(Clock::now());
  drain();
}

void Ours::on_readable() {
  // What the kernel says of ICMP is lost like a datagram; the timers are there for that.
  if (!socket_.receive(batch_)) return;
  for (const auto& incoming : batch_.datagrams())
    take(incoming);
}

void Ours::take(const net::Incoming& incoming) {
  if (gate_ && (closed_ || failure_) && peer_ && incoming.peer != *peer_) forget();
  const auto datagram = engine_ ? incoming.bytes : admit(incoming);
  if (datagram.empty() || incoming.peer != *peer_) return;
  engine_->receive(datagram, Clock::now());
  drain();
}

// The datagram for a new association, if its peer has proven its address; else an empty one.
std::span<std::byte> Ours::admit(const net::Incoming& incoming) {
  std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
  if (!gate_) return {};
  const auto answer = gate_->inspect(incoming.peer, incoming.bytes, Clock::now(), reply);
  if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
    static_cast<void>(
        socket_.send_to(std::span(reply).first(answer.reply_size), incoming.peer, {}));
  }
  if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return {};
  begin();
  peer_ = incoming.peer;
  engine_->continue_from(answer.position.record_sequence, answer.position.message_seq);
  return answer.collected.empty() ? incoming.bytes : answer.collected;
}

void Ours::drain() {
  while (const auto event = engine_->poll_event())
    take(*event);
  std::array<std::byte, kMaxDatagram> out;
  while (const auto size = engine_->poll_transmit(out, Clock::now())) {
    if (!has_talked_) largest_ = std::max(largest_, size);
    const auto datagram = std::span(out).first(size);
    static_cast<void>(settings_->is_server ? socket_.send_to(datagram, *peer_, {})
                                           : socket_.send(datagram));
  }
  follow_deadline();
}

void Ours::take(const dtls::Event& event) {
  if (std::holds_alternative<dtls::Connected>(event)) {
    established_ = true;
    ++associations_;
  }
  if (std::holds_alternative<dtls::Closed>(event)) closed_ = true;
  if (const auto* ended = std::get_if<dtls::Failed>(&event)) failure_ = ended->error;
  if (std::holds_alternative<dtls::TicketReceived>(event)) {
    while (auto ticket = engine_->take_ticket())
      ticket_ = std::move(ticket);
  }
  if (const auto* received = std::get_if<dtls::Message>(&event)) {
    messages_.emplace_back(reinterpret_cast<const char*>(received->bytes.data()),
                           received->bytes.size());
  }
}

void Ours::follow_deadline() {
  if (timer_) loop_.cancel_timer(*timer_);
  timer_.reset();
  const auto due = engine_->deadline();
  if (!due) return;
  timer_ = loop_.add_timer(*due, [this] {
    timer_.reset();
    engine_->handle_timeout(Clock::now());
    drain();
  });
}

void Ours::send(std::string_view text) {
  has_talked_ = true;
  const auto sent = engine_->send(std::as_bytes(std::span(text)));
  if (!sent) throw std::runtime_error(sent.error().message);
  drain();
}

void Ours::close() {
  engine_->close();
  drain();
}

void Ours::update_keys(bool ask_peer) {
  const auto begun = engine_->update_keys(ask_peer, Clock::now());
  if (!begun) throw std::runtime_error(begun.error().message);
  drain();
}

std::string Ours::exported(std::string_view label, std::size_t size) const {
  std::vector<std::byte> keys(size);
  const auto done = engine_->export_keying_material(label, std::nullopt, keys);
  if (!done) throw std::runtime_error(done.error().message);
  std::string hex;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte byte : keys) {
    hex += kDigits[std::to_integer<unsigned>(byte) >> 4U];
    hex += kDigits[std::to_integer<unsigned>(byte) & 0xfU];
  }
  return hex;
}

bool Ours::has_received(std::string_view text) const {
  return std::ranges::any_of(messages_, [&](const std::string& message) {
    return message.find(text) != std::string::npos;
  });
}

handshake::Presented Ours::present(std::string_view server_name) {
  return {.identity = identity_,
          .named = server_name == "localhost",
          .asks_client = wishes_.asks_client,
          .requires_client = wishes_.asks_client,
          .authorities = nullptr,
          .binding = {}};
}

handshake::Verdict Ours::verify(std::span<const handshake::Bytes> chain) {
  const auto role =
      settings_->is_server ? credentials::PeerRole::kClient : credentials::PeerRole::kServer;
  auto verdict = credentials::verify_chain(chain, trust_.get(), role,
                                           settings_->is_server ? "" : wishes_.server_name);
  verified_ = verdict.trusted;
  return {.goes_on = verdict.trusted,
          .authorized = verdict.trusted,
          .alert = static_cast<wire::AlertDescription>(verdict.alert),
          .reason = std::move(verdict.reason),
          .key = std::move(verdict.key)};
}

void Ours::accept_resumed(const handshake::SessionState& state) {
  verified_ = state.peer_authorized;
}

handshake::PskAnswer Ours::psk(std::string_view identity) {
  if (!wishes_.psk || (settings_->is_server && identity != wishes_.psk->identity)) {
    return handshake::NoSuchPsk{};
  }
  return handshake::PreSharedKey{wishes_.psk->identity,
                                 handshake::PskSecret(std::as_bytes(std::span(wishes_.psk->key)))};
}

std::optional<handshake::Ticket> Ours::ticket() {
  return resumes_ ? std::exchange(ticket_, std::nullopt) : std::nullopt;
}

}  // namespace dtls::interop
