#include "handshake/hello/client_start.hpp"

#include <algorithm>

#include "handshake/v12/client_12.hpp"
#include "handshake/v13/client_13.hpp"
#include "wire/hello_verify_request.hpp"
#include "wire/parameter_lists.hpp"

namespace dtls::handshake {

using wire::AlertDescription;
using wire::ExtensionType;
using wire::HandshakeType;

namespace {

// A server whose cookies expire may ask a second time; one that asks for ever is not followed.
constexpr int kMaxChallenges = 4;

}  // namespace

ClientStart::ClientStart(Core& core, std::optional<Renegotiation> renegotiation)
    : Handshake(core), renegotiation_(std::move(renegotiation)) {}

Step ClientStart::begin() {
  auto offer = Offer::make(core(), renegotiation_ ? &*renegotiation_ : nullptr);
  if (!offer) return Failure{AlertDescription::kInternalError, std::move(offer).error()};
  offer_.emplace(std::move(*offer));
  if (offer_->awaits_psk) {
    wait_for_psk({});
    return {};
  }
  return send_hello();
}

Step ClientStart::provide_psk(const PreSharedKey* key) {
  stop_waiting();
  if (key != nullptr) offer_->psk = PreSharedKey{key->identity, key->key.copy()};
  return send_hello();
}

Step ClientStart::send_hello() {
  auto body = offer_->compose(core(), transcript_,
                              static_cast<std::uint16_t>(channel().next_message_out()));
  if (!body) return Failure{AlertDescription::kInternalError, std::move(body).error()};
  channel().begin_flight();
  transcript_.add(channel().add_message(HandshakeType::kClientHello, *body));
  channel().end_flight(Channel::Then::kAwaitAnswer, core().now);
  return {};
}

Step ClientStart::on_message(const HandshakeMessage& message) {
  switch (message.type) {
    case HandshakeType::kHelloVerifyRequest:
      return take_hello_verify_request(message);
    case HandshakeType::kServerHello:
      return take_server_hello(message);
    case HandshakeType::kHelloRequest:  // RFC 5246 §7.4.1.1: ignored while negotiating
      return message.body.empty() ? Step{} : unexpected(message.type);
    default:
      return unexpected(message.type);
  }
}

// RFC 6347 §4.2.1: the same hello again, with the cookie. Neither the first hello nor the request
// is part of the transcript.
Step ClientStart::take_hello_verify_request(const HandshakeMessage& message) {
  const auto cookie = wire::parse_hello_verify_request(message.body);
  if (!cookie) return broken(AlertDescription::kDecodeError, "its HelloVerifyRequest is malformed");
  if (!offer_->offers(wire::kDtls12)) {  // DTLS 1.3 has none (RFC 9147 §5.1)
    return broken(AlertDescription::kProtocolVersion, "it speaks an older version of DTLS only");
  }
  if (++challenges_ > kMaxChallenges) {
    return broken(AlertDescription::kUnexpectedMessage, "it asks for cookies again and again");
  }
  channel().learn_round_trip();
  offer_->cookie_12.assign(cookie->begin(), cookie->end());
  transcript_.restart();
  return send_hello();
}

// RFC 8446 §4.1.3, §4.2.1
Step ClientStart::choose_version(const wire::ServerHello& hello, wire::Version& version) const {
  if (hello.legacy_version != wire::kDtls12) {
    return incompatible(AlertDescription::kProtocolVersion,
                        "speaks no version of DTLS that is spoken here");
  }
  version = wire::kDtls12;
  if (const auto content = hello.extensions.find(ExtensionType::kSupportedVersions)) {
    const auto selected = wire::parse_selected_version(*content);
    if (!selected) return broken(AlertDescription::kDecodeError, "its version is malformed");
    if (*selected != wire::kDtls13 || !offer_->offers(wire::kDtls13)) {
      return broken(AlertDescription::kIllegalParameter, "it chose a version it was not offered");
    }
    if (challenges_ > 0) {  // RFC 9147 §5.1: DTLS 1.3 has its cookies in a HelloRetryRequest
      return broken(AlertDescription::kIllegalParameter,
                    "it chose DTLS 1.3 after a HelloVerifyRequest, which only older ones have");
    }
    version = wire::kDtls13;
    return {};
  }
  if (hello.is_hello_retry_request()) {
    return broken(AlertDescription::kMissingExtension, "its HelloRetryRequest has no version");
  }
  if (!offer_->offers(wire::kDtls12)) {
    return incompatible(AlertDescription::kProtocolVersion, "does not speak DTLS 1.3");
  }
  if (offer_->offers(wire::kDtls13) && hello.has_downgrade_mark()) {
    return broken(AlertDescription::kIllegalParameter,
                  "it knows DTLS 1.3, so somebody on the way has forced it to an older version");
  }
  return {};
}

Step ClientStart::take_server_hello(const HandshakeMessage& message) {
  const auto hello = wire::parse_server_hello(message.body);
  if (!hello) return broken(AlertDescription::kDecodeError, "its ServerHello is malformed");
  if (hello->extensions.has_duplicate()) {
    return broken(AlertDescription::kIllegalParameter, "its ServerHello has an extension twice");
  }
  wire::Version version = 0;
  if (auto failure = choose_version(*hello, version)) return failure;
  if (!offer_->offers(hello->cipher_suite)) {  // RFC 5246 §7.4.1.3, RFC 8446 §4.1.3
    return broken(AlertDescription::kIllegalParameter,
                  "it chose a cipher suite that it was not offered");
  }
  const Suite* suite = find_suite(hello->cipher_suite);
  if (suite->version != version || hello->compression_method != 0) {
    return broken(AlertDescription::kIllegalParameter,
                  "it chose a cipher suite or compression that its version does not have");
  }
  channel().set_version(version);
  core().negotiated.version = version;
  core().negotiated.suite = suite->id;
  if (version == wire::kDtls13) {
    auto next =
        std::make_unique<Client13>(core(), std::move(*offer_), std::move(transcript_), *suite);
    auto step = next->take_server_hello(message);
    succeed(std::move(next));
    return step;
  }
  auto next = std::make_unique<Client12>(core(), std::move(*offer_), std::move(transcript_), *suite,
                                         std::move(renegotiation_));
  auto step = next->take_server_hello(message);
  succeed(std::move(next));
  return step;
}

}  // namespace dtls::handshake
