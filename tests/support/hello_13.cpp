#include "support/hello_13.hpp"

#include <algorithm>

#include "crypto/key_share.hpp"
#include "wire/client_hello.hpp"
#include "wire/handshake_header.hpp"
#include "wire/key_share.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/record_header.hpp"
#include "wire/server_hello.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::test {
namespace {

using wire::ExtensionType;

constexpr ExtensionType kPadding{21};  // RFC 7685

}  // namespace

std::vector<std::byte> Hello13::body() const {
  Bytes room(60'000);
  wire::Writer writer(room);
  const Bytes of_random(wire::kRandomSize, random);
  const auto extensions = wire::begin_client_hello(
      writer, {.random = of_random, .session_id = {}, .cookie = {}, .cipher_suites = suites});
  const auto write_cookie = [&](bool here) {
    if (here && !cookie.empty()) wire::write_cookie(writer, cookie);
  };
  write_cookie(!cookie_is_last);
  if (!name.empty()) wire::write_server_name(writer, name);
  wire::write_supported_versions(writer, versions);
  wire::write_supported_groups(writer, groups);
  constexpr wire::SignatureScheme kScheme[] = {wire::SignatureScheme::kEcdsaSecp256r1Sha256};
  wire::write_signature_algorithms(writer, ExtensionType::kSignatureAlgorithms, kScheme);
  std::vector<Bytes> keys;
  std::vector<wire::KeyShare> offered;
  for (const auto& [group, size] : shares)
    keys.emplace_back(size, std::byte{9});
  for (std::size_t i = 0; i < shares.size(); ++i)
    offered.push_back({shares[i].first, keys[i]});
  wire::write_key_shares(writer, offered);
  if (padding != 0) wire::write_extension(writer, kPadding, Bytes(padding));
  write_cookie(cookie_is_last);
  writer.end_optional_vector(extensions);
  room.resize(writer.written());
  return room;
}

std::vector<std::vector<std::byte>> cut(std::span<const std::byte> body, std::size_t fragment,
                                        std::uint64_t first_record, std::uint16_t message_seq) {
  std::vector<std::vector<std::byte>> datagrams;
  for (std::size_t begin = 0; begin < body.size(); begin += fragment) {
    const auto part = body.subspan(begin, std::min(fragment, body.size() - begin));
    std::vector<std::byte> datagram(wire::kRecordHeaderSize + wire::kHandshakeHeaderSize +
                                    part.size());
    wire::Writer writer(datagram);
    wire::write_record_header(
        writer, {.type = wire::ContentType::kHandshake,
                 .version = wire::kDtls12,
                 .epoch = 0,
                 .sequence = first_record + datagrams.size(),
                 .length = static_cast<std::uint16_t>(wire::kHandshakeHeaderSize + part.size())});
    wire::write_handshake_header(writer,
                                 {.type = wire::HandshakeType::kClientHello,
                                  .length = static_cast<std::uint32_t>(body.size()),
                                  .message_seq = message_seq,
                                  .fragment_offset = static_cast<std::uint32_t>(begin),
                                  .fragment_length = static_cast<std::uint32_t>(part.size())});
    writer.bytes(part);
    datagrams.push_back(std::move(datagram));
  }
  return datagrams;
}

std::vector<std::byte> cookie_of_retry(std::span<const std::byte> datagram) {
  wire::Reader records(datagram);
  const auto record = wire::read_record(records);
  wire::Reader messages(record ? record->fragment : wire::Bytes());
  const auto message = wire::read_handshake(messages);
  const auto request = message ? wire::parse_server_hello(message->body) : std::nullopt;
  if (!request || !request->is_hello_retry_request()) return {};
  const auto content = request->extensions.find(ExtensionType::kCookie);
  const auto cookie = content ? wire::parse_cookie(*content) : std::nullopt;
  if (!cookie) return {};
  return {cookie->begin(), cookie->end()};
}

}  // namespace dtls::test
