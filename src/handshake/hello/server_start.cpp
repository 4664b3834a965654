#include "handshake/hello/server_start.hpp"

#include "handshake/v12/server_12.hpp"
#include "handshake/v13/server_13.hpp"

namespace dtls::handshake {

using wire::AlertDescription;

// The newest version that both speak (RFC 8446 §4.2.1).
std::optional<wire::Version> ServerStart::choose_version(const ReceivedHello& hello) const {
  // Newer ones have smaller numbers.
  for (const wire::Version version : {wire::kDtls13, wire::kDtls12}) {
    const bool is_ours = version >= settings().max_version && version <= settings().min_version;
    if (is_ours && hello.offers_version(version)) return version;
  }
  return std::nullopt;
}

Step ServerStart::on_message(const HandshakeMessage& message) {
  if (message.type != wire::HandshakeType::kClientHello) return unexpected(message.type);
  ReceivedHello hello;
  if (auto failure = ReceivedHello::read(message, hello)) return failure;
  const auto version = choose_version(hello);
  if (!version) {
    return incompatible(AlertDescription::kProtocolVersion,
                        "offered no version of DTLS that is spoken here");
  }
  // RFC 7507 §3: the client has fallen back, although we know better.
  if (hello.offers(wire::CipherSuite::kFallbackScsv) && *version > settings().max_version) {
    return broken(AlertDescription::kInappropriateFallback,
                  "it fell back to a lower version without need");
  }
  channel().set_version(*version);
  core().negotiated.version = *version;
  core().negotiated.server_name = hello.server_name();
  if (*version == wire::kDtls13) {
    auto next = std::make_unique<Server13>(core(), std::move(hello));
    auto step = next->begin();
    succeed(std::move(next));
    return step;
  }
  auto next = std::make_unique<Server12>(core(), std::nullopt);
  auto step = next->begin(std::move(hello));
  succeed(std::move(next));
  return step;
}

Step ServerStart::on_change_cipher_spec() {
  return {};  // before a version is known it is noise
}

}  // namespace dtls::handshake
