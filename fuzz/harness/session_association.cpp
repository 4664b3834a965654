#include "harness/session_association.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "harness/association.hpp"
#include "harness/require.hpp"

namespace dtls::fuzz {
namespace {

constexpr std::size_t kMostAtOnce = 4096;
constexpr std::size_t kMostInput = std::size_t{96} * 1024;

Versions versions_of(const Scene& scene) {
  if (scene.versions == 1) return {ProtocolVersion::kDtls12, ProtocolVersion::kDtls12};
  if (scene.versions == 2) return {ProtocolVersion::kDtls13, ProtocolVersion::kDtls13};
  return {};
}

KeyKind kind_of(const Scene& scene) {
  return scene.credentials == Scene::Credentials::kP256 ? KeyKind::kP256 : KeyKind::kEd25519;
}

Session make_server(const Scene& scene) {
  ServerConfig config;
  config.identity = identity_config(kind_of(scene));
  config.versions = versions_of(scene);
  config.renegotiate = scene.renegotiates && scene.versions != 2;  // 1.3 has none
  if (scene.client_auth == Scene::ClientAuth::kRequired) config.ca = authority();
  auto context = std::move(*Context::for_server(config));
  if (scene.has_extras) {
    const auto added = context->add_identity(
        {.host = "localhost", .identity = identity_config(KeyKind::kEd25519), .ca = ""});
    require(static_cast<bool>(added), "an identity is added");
  }
  return std::move(*Session::server(context, {.port = 40000}));
}

Session make_client(const Scene& scene) {
  ClientConfig config;
  config.ca = authority();
  config.server_name = scene.has_extras ? "localhost" : "";
  config.versions = versions_of(scene);
  config.renegotiate = scene.renegotiates && scene.versions != 2;  // 1.3 has none
  const bool shows = scene.client_auth == Scene::ClientAuth::kShown ||
                     scene.client_auth == Scene::ClientAuth::kRequired;
  if (shows) config.identity = identity_config(KeyKind::kP256);
  return std::move(
      *Session::client(std::move(*Context::for_client(config)), {.port = 5684}, kBeginning));
}

}  // namespace

SessionAssociation::SessionAssociation(Role role, const Scene& scene)
    : role_(role), scene_(scene), random_(role == Role::kClient ? 1 : 2) {
  const UseRandom use(random_);
  session_.emplace(role == Role::kClient ? make_client(scene) : make_server(scene));
  drain();
}

std::vector<Buffer> SessionAssociation::take_outgoing() {
  return std::exchange(outgoing_, {});
}

void SessionAssociation::perform(const Step& step) {
  const UseRandom use(random_);
  act(step);
  drain();
  const auto due = session_->deadline();
  require(!due || *due > now_, "a deadline lies ahead");
  require(!due || !is_over_, "who has ended waits for nothing");
}

void SessionAssociation::act(const Step& step) {
  switch (step.kind) {
    case StepKind::kDatagram: {
      Buffer bytes = step.payload;  // it is decrypted in place
      session_->receive(bytes, now_);
      drain();  // while `bytes` lives
      break;
    }
    case StepKind::kPass:
      now_ += Duration(50 * step.number());
      session_->handle_timeout(now_);
      break;
    case StepKind::kTimeout:
      if (const auto due = session_->deadline()) {
        now_ = std::max(now_, *due);
        session_->handle_timeout(now_);
      }
      break;
    case StepKind::kSend: {
      const auto sent = session_->send(message(static_cast<std::uint8_t>(step.number())));
      require(!sent || (was_connected_ && !is_over_), "messages go out of what is connected");
      break;
    }
    case StepKind::kClose:
      session_->close();
      is_over_ = true;
      break;
    case StepKind::kRenegotiate: {
      const auto begun = session_->renegotiate(now_);
      require(!begun || scene_.renegotiates, "nobody renegotiates against the configuration");
      break;
    }
    case StepKind::kSetMtu:  // has no other use here
      session_->set_handshake_timeout(Duration(1 + step.number()), now_);
      break;
    default:
      break;
  }
}

void SessionAssociation::drain() {
  for (std::size_t count = 0; auto event = session_->poll_event(); ++count) {
    require(count < kMostAtOnce, "a datagram has an end of events");
    on_event(*event);
  }
  std::array<std::byte, kMaxDatagram> out;
  std::size_t count = 0;
  while (const std::size_t size = session_->poll_transmit(out)) {
    require(!is_silent_, "who has ended is silent");
    require(++count < kMostAtOnce, "a flight has an end");
    outgoing_.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  }
  is_silent_ = is_over_;
}

void SessionAssociation::on_event(const Event& event) {
  require(!is_over_, "no event comes after the end");
  if (std::holds_alternative<Connected>(event)) {
    require(!was_connected_, "it connects once");
    was_connected_ = true;
    const auto& verified = session_->verification();
    require(role_ == Role::kServer || verified.authorized, "a client connects to whom it trusts");
    require(scene_.client_auth != Scene::ClientAuth::kRequired || verified.authorized,
            "who must show a certificate has shown one that is trusted");
  } else if (const auto* received = std::get_if<Message>(&event)) {
    require(was_connected_, "no message comes before the handshake is over");
    require(!received->bytes.empty() && received->bytes.size() <= kMaxMessage, "it is a message");
    ++messages_;
  } else if (std::holds_alternative<Closed>(event)) {
    require(was_connected_, "only what was connected is closed");
    is_over_ = true;
  } else {
    error_ = std::get<Failed>(event).error;
    require(error_->sys_errno != 0 && !error_->message.empty(), "an error says what happened");
    is_over_ = true;
  }
}

void SessionAssociation::fall_silent() {
  constexpr int kMostTimeouts = 64;
  for (int i = 0; session_->deadline(); ++i) {
    require(i < kMostTimeouts, "who hears nothing falls silent");
    perform(step(StepKind::kTimeout));
  }
}

int run_session(Role role, const std::uint8_t* data, std::size_t size) {
  if (size > kMostInput) return -1;
  const Input input = read_input(std::as_bytes(std::span(data, size)));
  SessionAssociation association(role, Scene::read(input.scene));
  for (const Step& step : input.steps) {
    association.perform(step);
    association.take_outgoing();
  }
  association.fall_silent();
  return 0;
}

}  // namespace dtls::fuzz
