#include "bogo/engine_adapter.hpp"

#include <chrono>
#include <string_view>
#include <utility>

#include "association/engine.hpp"
#include "bogo/engine_settings.hpp"
#include "credentials/verify.hpp"
#include "handshake/tickets.hpp"
#include "wire/alert.hpp"

namespace dtls::bogo {

using handshake::Bytes;
using wire::AlertDescription;

struct Associations::Shared {
  std::shared_ptr<handshake::TicketKeys> keys =
      std::make_shared<handshake::TicketKeys>(std::chrono::hours(24));
  std::optional<handshake::Ticket> ticket;
};

// The engine of one association, with the decisions that the options ask for.
struct Association::Engine final : handshake::Decisions {
  Engine(const Options& all, std::shared_ptr<const handshake::Settings> settings,
         std::shared_ptr<const handshake::Identity> own, std::shared_ptr<Associations::Shared> with)
      : options(all),
        identity(std::move(own)),
        shared(std::move(with)),
        engine(std::move(settings), *this) {}

  handshake::Presented present(std::string_view server_name) override {
    handshake::Presented presented;
    presented.identity = show();
    presented.named = !server_name.empty();
    presented.requires_client = options.require_any_client_certificate;
    presented.asks_client = options.verify_peer || presented.requires_client;
    return presented;
  }
  std::shared_ptr<const handshake::Identity> client_identity() override { return show(); }

  // BoringSSL's shim looks at no chain: it does as it is told. A verdict that nobody asked for with
  // -verify-peer ends nothing.
  handshake::Verdict verify(std::span<const Bytes> chain) override {
    peer_chain.clear();
    for (const Bytes certificate : chain) {
      peer_chain.emplace_back(certificate.begin(), certificate.end());
    }
    if (chain.empty()) {
      return {.goes_on = !options.require_any_client_certificate,
              .authorized = false,
              .alert = AlertDescription::kCertificateRequired,
              .reason = "no certificate",
              .key = nullptr};
    }
    // Nobody is trusted by an empty store; the key is there all the same.
    static X509_STORE* const kNobody = X509_STORE_new();
    const bool asked = options.verify_peer || options.require_any_client_certificate;
    return {
        .goes_on = !options.verify_fail || !asked,
        .authorized = !options.verify_fail,
        .alert = options.use_custom_verify_callback ? AlertDescription::kCertificateUnknown
                                                    : AlertDescription::kHandshakeFailure,
        .reason = "certificate verification failed",
        .key = credentials::verify_chain(chain, kNobody, credentials::PeerRole::kServer, "").key};
  }
  void accept_resumed(const handshake::SessionState& /*state*/) override {}

  handshake::PskAnswer psk(std::string_view identity_or_hint) override {
    if (options.psk.empty() || identity_or_hint != options.psk_identity) {
      return handshake::NoSuchPsk{};
    }
    return handshake::PreSharedKey{options.psk_identity,
                                   handshake::PskSecret(std::as_bytes(std::span(options.psk)))};
  }
  std::string server_name() override { return options.host_name; }
  std::optional<handshake::Ticket> ticket() override {
    return std::exchange(shared->ticket, std::nullopt);
  }
  [[nodiscard]] bool is_logged() const override { return false; }
  void log_secret(std::string_view /*label*/, Bytes /*client_random*/, Bytes /*secret*/) override {}

  std::shared_ptr<const handshake::Identity> show() {
    shown = identity != nullptr && !options.credentials.empty() ? 0 : -1;
    return identity;
  }

  const Options& options;
  std::shared_ptr<const handshake::Identity> identity;
  std::shared_ptr<Associations::Shared> shared;
  std::vector<std::vector<std::byte>> peer_chain;
  std::int64_t shown = -1;
  bool took_ticket = false;
  handshake::Engine engine;
};

namespace {

// describe names the alert first, in words that config.json maps the runner's expectations to.
std::string describe(const Error& error) {
  std::string text;
  if (!error.alert) {
    text = "no alert";
  } else {
    text = error.kind == ErrorKind::kPeer ? "alert received: " : "alert sent: ";
    text += wire::alert_name(*error.alert);
  }
  return text + ": " + error.message;
}

}  // namespace

Association::Association(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Association::~Association() = default;
Association::Association(Association&&) noexcept = default;

void Association::start(TimePoint now) {
  if (!engine_->options.server) {
    engine_->engine.start(now);
  }
}

void Association::receive(std::span<std::byte> datagram, TimePoint now) {
  engine_->engine.receive(datagram, now);
}

Result<void> Association::send(std::span<const std::byte> message) {
  return engine_->engine.send(message);
}

Result<void> Association::update_keys(TimePoint now) {
  return engine_->engine.update_keys(false, now);
}

void Association::close() {
  engine_->engine.close();
}

Result<std::vector<std::byte>> Association::export_keying_material() {
  const Options& options = engine_->options;
  std::vector<std::byte> keys(options.export_keying_material);
  std::optional<Bytes> context;
  if (options.use_export_context) {
    context = std::as_bytes(std::span(options.export_context));
  }
  const auto done = engine_->engine.export_keying_material(options.export_label, context, keys);
  if (!done) {
    return Error(done.error());
  }
  return keys;
}

std::optional<Event> Association::poll_event() {
  while (auto event = engine_->engine.poll_event()) {
    if (std::holds_alternative<dtls::Connected>(*event)) {
      return Connected{};
    }
    if (const auto* received = std::get_if<dtls::Message>(&*event)) {
      return Message{{received->bytes.begin(), received->bytes.end()}};
    }
    if (std::holds_alternative<dtls::Closed>(*event)) {
      return PeerClosed{};
    }
    if (const auto* ended = std::get_if<dtls::Failed>(&*event)) {
      return Failed{describe(ended->error)};
    }
    // A ticket. A PSK is never asked for in this way: psk() answers at once.
    while (auto ticket = engine_->engine.take_ticket()) {
      engine_->shared->ticket = std::move(ticket);
      engine_->took_ticket = true;
    }
  }
  return std::nullopt;
}

std::size_t Association::poll_transmit(std::span<std::byte> out, TimePoint now) {
  return engine_->engine.poll_transmit(out, now);
}

std::optional<TimePoint> Association::deadline() const {
  return engine_->engine.deadline();
}

void Association::handle_timeout(TimePoint now) {
  engine_->engine.handle_timeout(now);
}

void Association::set_mtu(std::uint32_t bytes) {
  engine_->engine.set_mtu(bytes);
}

void Association::set_first_timeout(Duration timeout) {
  engine_->engine.set_first_timeout(timeout);
}

Agreed Association::agreed() const {
  const auto& agreed = engine_->engine.negotiated();
  return {.version = agreed.version,
          .suite = static_cast<std::uint16_t>(agreed.suite),
          .group = static_cast<std::uint16_t>(agreed.group),
          .peer_scheme = static_cast<std::uint16_t>(agreed.peer_scheme),
          .resumed = agreed.resumed,
          .retried = agreed.retried,
          .with_psk = agreed.with_psk,
          .secure_renegotiation = agreed.secure_renegotiation,
          .alpn = agreed.alpn,
          .server_name = agreed.server_name,
          .peer_chain = engine_->peer_chain,
          .credential = engine_->shown};
}

bool Association::took_ticket() {
  return std::exchange(engine_->took_ticket, false);
}

Associations::Associations() : shared_(std::make_shared<Shared>()) {}
Associations::~Associations() = default;

std::variant<Association, Unsupported, Error> Associations::make(const Options& options) {
  auto made = settings_of(options);
  if (auto* const unsupported = std::get_if<Unsupported>(&made)) {
    return std::move(*unsupported);
  }
  auto identity = load_identity(options);
  if (!identity) {
    return identity.error();
  }
  auto& settings = std::get<handshake::Settings>(made);
  settings.ticket_keys = shared_->keys;
  return Association(std::make_unique<Association::Engine>(
      options, std::make_shared<const handshake::Settings>(std::move(settings)),
      *std::move(identity), shared_));
}

bool Associations::has_ticket() const {
  return shared_->ticket.has_value();
}

}  // namespace dtls::bogo
