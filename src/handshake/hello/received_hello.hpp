// A ClientHello as a server reads it: its own copy, checked for what holds in every version.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "handshake/handshake.hpp"
#include "wire/client_hello.hpp"
#include "wire/extension_list.hpp"

namespace dtls::handshake {

// ReceivedHello owns the message, because a HelloRetryRequest, or the wait for a PSK, outlives the
// datagram.
class ReceivedHello {
 public:
  // read fails with the alert that a hello deserves which no version accepts.
  static Step read(const HandshakeMessage& message, ReceivedHello& out);

  ReceivedHello() = default;
  ReceivedHello(ReceivedHello&&) noexcept = default;  // the views go on pointing into the copy
  ReceivedHello& operator=(ReceivedHello&&) noexcept = default;

  [[nodiscard]] Bytes raw() const { return raw_; }
  [[nodiscard]] const wire::ClientHello& hello() const { return hello_; }
  [[nodiscard]] std::optional<Bytes> find(wire::ExtensionType type) const;
  [[nodiscard]] bool offers(wire::CipherSuite suite) const;
  [[nodiscard]] bool offers(crypto::Group group) const;
  [[nodiscard]] bool offers(wire::SrtpProfile profile) const;
  [[nodiscard]] bool offers_protocol(std::string_view name) const;  // of ALPN
  // offers_version: by supported_versions or, where that is absent, by legacy_version.
  [[nodiscard]] bool offers_version(wire::Version version) const;
  [[nodiscard]] std::string_view server_name() const { return server_name_; }
  [[nodiscard]] Random random() const;
  [[nodiscard]] std::size_t held_bytes() const { return raw_.capacity(); }

 private:
  Step check();

  Buffer raw_;
  wire::ClientHello hello_;
  std::string server_name_;
};

// What both versions negotiate in the same way.

// choose_alpn gives the first of our protocols that the client offers (RFC 7301 §3.2). Fails with
// no_application_protocol where it offers some and none is ours. Empty: not negotiated.
Step choose_alpn(const Settings& settings, const ReceivedHello& hello, std::string& chosen);
// choose_srtp_profile gives the first of ours that the client offers (RFC 5764 §4.1.1); 0: none.
Step choose_srtp_profile(const Settings& settings, const ReceivedHello& hello,
                         std::uint16_t& chosen);
// read_record_limit takes the client's record_size_limit (RFC 8449 §4), in bytes of plaintext.
Step read_record_limit(const Settings& settings, const ReceivedHello& hello, wire::Version version,
                       std::uint16_t& limit);
// choose_group gives the first of our groups that the version has and the client knows; in DTLS 1.2
// a client that names none takes any (RFC 8422 §4).
std::optional<crypto::Group> choose_group(const Settings& settings, const ReceivedHello& hello,
                                          wire::Version version);

}  // namespace dtls::handshake
