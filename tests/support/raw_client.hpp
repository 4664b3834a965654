// A client on bare libssl, for what a Session's client does not do: resuming sessions, odd records.
#pragma once

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "association/inside.hpp"
#include "credentials/pem.hpp"
#include "crypto/owned.hpp"
#include "dtls/session.hpp"
#include "endpoint/cookie_gate.hpp"
#include "support/datagram_bio.hpp"

namespace dtls::test {

using OwnedSslSession = crypto::OwnedBy<SSL_SESSION, SSL_SESSION_free>;

// RawClient shakes hands with one server session. It verifies nothing.
class RawClient {
 public:
  // `mtu` bounds its datagrams, in bytes; libssl takes no less than 256.
  explicit RawClient(const std::string& server_name, long mtu = 1200)
      : settings_(SSL_CTX_new(DTLS_client_method())), ssl_(SSL_new(settings_.get())) {
    SSL* ssl = ssl_.get();
    SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(ssl, mtu);
    SSL_set_connect_state(ssl);
    SSL_set_tlsext_host_name(ssl, server_name.c_str());
    BIO* bio = make_datagram_bio(port_).release();
    SSL_set_bio(ssl, bio, bio);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void resume(SSL_SESSION* session) { SSL_set_session(ssl_.get(), session); }
  void show(const IdentityConfig& identity) {
    const auto read = std::move(*credentials::load_identity(identity));
    SSL_use_cert_and_key(ssl_.get(), read.chain.front().get(), read.key.get(), nullptr, 1);
  }

  // connect gives whether both sides came through.
  bool connect(const std::shared_ptr<const Context>& context) {
    auto gate = std::move(*endpoint::CookieGate::create(
        std::move(*endpoint::CookieSecrets::generate()), context->inside().settings));
    const Address self = *Address::parse("192.0.2.1", 40000);
    bool server_connected = false;
    for (int rounds = 0; rounds < 10; ++rounds) {
      SSL_do_handshake(ssl_.get());
      while (!port_.outgoing.empty()) {
        auto datagram = std::move(port_.outgoing.front());
        port_.outgoing.pop_front();
        if (!server_) {
          std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
          const auto answer = gate.inspect(self, datagram, Clock::now(), reply);
          if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
            take(std::span(reply).first(answer.reply_size));
          }
          if (answer.verdict != endpoint::CookieGate::Verdict::kProven) continue;
          if (!answer.collected.empty()) {
            datagram.assign(answer.collected.begin(), answer.collected.end());
          }
          server_.emplace(std::move(*Session::server(context, self)));
        }
        server_->receive(datagram, Clock::now());
        while (auto event = server_->poll_event())
          server_connected = server_connected || std::holds_alternative<Connected>(*event);
        std::array<std::byte, kMaxDatagram> out;
        while (const std::size_t size = server_->poll_transmit(out))
          take(std::span(out).first(size));
      }
    }
    return server_connected && SSL_is_init_finished(ssl_.get()) == 1;
  }

  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  // session gives what can be resumed; without the shutdown libssl would spoil it at the end.
  [[nodiscard]] OwnedSslSession session() {
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return OwnedSslSession(SSL_get1_session(ssl_.get()));
  }
  // Whether the server has said that it went by the name (RFC 6066 §3).
  [[nodiscard]] bool name_was_acknowledged() const {
    return SSL_SESSION_get0_hostname(SSL_get0_session(ssl_.get())) != nullptr;
  }
  Session& server() { return *server_; }

  // application_record seals plaintext, which may be empty as libssl's never is, under the client's
  // key. The suite must have AES-128-GCM with SHA-256; `sequence` must not be one that libssl used.
  [[nodiscard]] std::vector<std::byte> application_record(std::uint8_t sequence,
                                                          std::string_view plaintext) const {
    const auto keys = key_block();
    // RFC 5288 §3: the nonce is the fixed IV, then the record's epoch and sequence number.
    const std::array<unsigned char, 8> explicit_nonce = {0, 1, 0, 0, 0, 0, 0, sequence};
    std::array<unsigned char, 12> nonce{};
    std::copy_n(keys.begin() + 32, 4, nonce.begin());
    std::copy(explicit_nonce.begin(), explicit_nonce.end(), nonce.begin() + 4);
    const auto length = static_cast<unsigned char>(plaintext.size());
    const std::array<unsigned char, 13> authenticated = {0,        1,  0,    0,    0, 0,     0,
                                                         sequence, 23, 0xfe, 0xfd, 0, length};
    const crypto::OwnedBy<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> cipher(EVP_CIPHER_CTX_new());
    std::vector<unsigned char> sealed(plaintext.size());
    std::array<unsigned char, 16> tag{};
    int done = 0;
    EVP_EncryptInit_ex2(cipher.get(), EVP_aes_128_gcm(), keys.data(), nonce.data(), nullptr);
    EVP_EncryptUpdate(cipher.get(), nullptr, &done, authenticated.data(), 13);
    EVP_EncryptUpdate(cipher.get(), sealed.data(), &done,
                      reinterpret_cast<const unsigned char*>(plaintext.data()), length);
    EVP_EncryptFinal_ex(cipher.get(), sealed.data() + sealed.size(), &done);
    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, 16, tag.data());

    std::vector<unsigned char> record = {23, 0xfe, 0xfd};
    record.insert(record.end(), explicit_nonce.begin(), explicit_nonce.end());
    record.insert(record.end(), {0, static_cast<unsigned char>(8 + length + 16)});
    record.insert(record.end(), explicit_nonce.begin(), explicit_nonce.end());
    record.insert(record.end(), sealed.begin(), sealed.end());
    record.insert(record.end(), tag.begin(), tag.end());
    const auto bytes = std::as_bytes(std::span(record));
    return {bytes.begin(), bytes.end()};
  }

 private:
  // RFC 5246 §6.3: client key, server key, client IV, server IV.
  [[nodiscard]] std::array<unsigned char, 40> key_block() const {
    std::array<unsigned char, 48> master{};
    SSL_SESSION_get_master_key(SSL_get0_session(ssl_.get()), master.data(), master.size());
    const std::string_view label = "key expansion";
    std::vector<unsigned char> seed(label.begin(), label.end());
    seed.resize(label.size() + 64);
    SSL_get_server_random(ssl_.get(), seed.data() + label.size(), 32);
    SSL_get_client_random(ssl_.get(), seed.data() + label.size() + 32, 32);
    const crypto::OwnedBy<EVP_KDF, EVP_KDF_free> kdf(EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr));
    const crypto::OwnedBy<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(kdf.get()));
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 4> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master.data(), master.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
        OSSL_PARAM_construct_end()};
    std::array<unsigned char, 40> block{};
    EVP_KDF_derive(context.get(), block.data(), block.size(), parameters.data());
    return block;
  }

  void take(std::span<const std::byte> datagram) {
    port_.incoming = datagram;
    SSL_do_handshake(ssl_.get());
    port_.incoming = {};
  }

  DatagramPort port_;
  crypto::OwnedBy<SSL_CTX, SSL_CTX_free> settings_;
  crypto::OwnedBy<SSL, SSL_free> ssl_;
  std::optional<Session> server_;
};

}  // namespace dtls::test
