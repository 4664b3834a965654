#include "unit/wire/message_checks.hpp"

#include "unit/wire/check_tools.hpp"
#include "wire/ack.hpp"
#include "wire/certificate.hpp"
#include "wire/certificate_request.hpp"
#include "wire/certificate_verify.hpp"
#include "wire/client_hello.hpp"
#include "wire/key_exchange.hpp"
#include "wire/new_session_ticket.hpp"
#include "wire/server_hello.hpp"
#include "wire/short_messages.hpp"
#include "wire/unified_header.hpp"

namespace dtls::wire::test {
namespace {

bool client_hello(Bytes body) {
  const auto hello = parse_client_hello(body);
  if (!hello) {
    return false;
  }
  walk(hello->extension_list(), body);
  // The writer has one legacy_version and one compression method.
  if (hello->legacy_version == kDtls12 && hello->compression_methods.size() == 1 &&
      hello->compression_methods[0] == std::byte{0} && !hello->extensions.empty()) {
    const auto suites = elements(hello->suites());
    require_writes(body, 0, [&](Writer& writer) {
      const auto mark =
          begin_client_hello(writer, {hello->random, hello->session_id, hello->cookie, suites});
      writer.bytes(hello->extensions);
      writer.end_optional_vector(mark);
    });
  }
  return true;
}

bool server_hello(Bytes body) {
  const auto hello = parse_server_hello(body);
  if (!hello) {
    return false;
  }
  require_inside(hello->random, body);
  require_inside(hello->session_id, body);
  walk(hello->extensions, body);
  static_cast<void>(hello->is_hello_retry_request());
  static_cast<void>(hello->has_downgrade_mark());
  // An empty list of extensions is written as none.
  if (!hello->extensions.empty()) {
    require_writes(body, 0, [&](Writer& writer) {
      const auto mark = begin_server_hello(writer, *hello);
      writer.bytes(hello->extensions.bytes());
      writer.end_optional_vector(mark);
    });
  }
  return true;
}

bool encrypted_extensions(Bytes body) {
  const auto extensions = parse_encrypted_extensions(body);
  if (!extensions) {
    return false;
  }
  walk(*extensions, body);
  require_writes(body, 0, [&](Writer& writer) { writer.vector16(extensions->bytes()); });
  return true;
}

bool certificate_12(Bytes body) {
  const auto chain = parse_certificate_12(body);
  if (!chain) {
    return false;
  }
  for (const Bytes certificate : *chain) {
    require_inside(certificate, body);
  }
  require_writes(body, 0, [&](Writer& writer) { write_certificate_12(writer, *chain); });
  return true;
}

bool certificate_13(Bytes body) {
  const auto message = parse_certificate_13(body);
  if (!message) {
    return false;
  }
  bool plain = true;
  std::vector<Bytes> chain;
  for (const CertificateEntry entry : message->entries) {
    require_inside(entry.certificate, body);
    walk(entry.extensions, body);
    plain = plain && entry.extensions.empty();
    chain.push_back(entry.certificate);
  }
  if (plain) {
    require_writes(body, 0,
                   [&](Writer& writer) { write_certificate_13(writer, message->context, chain); });
  }
  return true;
}

bool certificate_request_12(Bytes body) {
  const auto request = parse_certificate_request_12(body);
  if (!request) {
    return false;
  }
  for (const Bytes name : request->authorities) {
    require_inside(name, body);
  }
  const auto types = elements(request->types);
  const auto schemes = elements(request->schemes);
  require_writes(body, 0, [&](Writer& writer) {
    write_certificate_request_12(writer, types, schemes, request->authorities);
  });
  return true;
}

bool certificate_request_13(Bytes body) {
  const auto request = parse_certificate_request_13(body);
  if (!request) {
    return false;
  }
  walk(request->extensions, body);
  require_writes(body, 0, [&](Writer& writer) {
    const auto mark = begin_certificate_request_13(writer, request->context);
    writer.bytes(request->extensions.bytes());
    writer.end_vector(mark);
  });
  return true;
}

bool server_key_exchange_ecdhe(Bytes body) {
  const auto exchange = parse_server_key_exchange_ecdhe(body);
  if (!exchange) {
    return false;
  }
  require_writes(exchange->params.encoded, 0, [&](Writer& writer) {
    write_ecdhe_params(writer, exchange->params.group, exchange->params.point);
  });
  require_writes(body, 0,
                 [&](Writer& writer) { write_server_key_exchange_ecdhe(writer, *exchange); });
  return true;
}

bool new_session_ticket_13(Bytes body) {
  const auto message = parse_new_session_ticket_13(body);
  if (!message) {
    return false;
  }
  walk(message->extensions, body);
  require_writes(body, 0, [&](Writer& writer) { write_new_session_ticket_13(writer, *message); });
  return true;
}

bool ack(Bytes content) {
  const auto numbers = parse_ack(content);
  if (!numbers) {
    return false;
  }
  const auto list = elements(*numbers);
  require(content.size() == ack_size(list.size()), "the size of an ACK");
  require_writes(content, 0, [&](Writer& writer) { write_ack(writer, list); });
  return true;
}

bool unified_records(Bytes datagram, std::size_t id_size) {
  Reader reader(datagram);
  std::size_t seen = 0;
  while (!reader.empty()) {
    const auto record = read_unified_record(reader, id_size);
    if (!record) {
      return false;
    }
    require(record->header.data() == datagram.data() + seen, "records follow each other");
    require(record->header.data() + record->header.size() == record->ciphertext.data(),
            "the ciphertext follows the header");
    require(record->sequence_at + record->sequence_size + (record->has_length ? 2U : 0U) ==
                record->header.size(),
            "the header has no other parts");
    require_inside(record->connection_id, record->header);
    seen += record->header.size() + record->ciphertext.size();
    // The writer has sequence numbers of 16 bits and no connection ids.
    if (record->sequence_size == 2 && record->connection_id.empty()) {
      Reader sequence(record->header.subspan(record->sequence_at));
      UnifiedHeader header{record->epoch_bits, sequence.u16(), std::nullopt};
      if (record->has_length) {
        header.length = static_cast<std::uint16_t>(record->ciphertext.size());
      }
      require_writes(record->header, 0,
                     [&](Writer& writer) { write_unified_header(writer, header); });
    }
  }
  require(seen == datagram.size(), "records fill the datagram");
  return seen != 0;
}

bool unified_without_id(Bytes datagram) {
  return unified_records(datagram, 0);
}
bool unified_with_id(Bytes datagram) {
  return unified_records(datagram, 4);
}

constexpr MessageCheck kChecks[] = {
    {"client_hello", client_hello},
    {"server_hello", server_hello},
    {"encrypted_extensions", encrypted_extensions},
    {"certificate_12", certificate_12},
    {"certificate_13", certificate_13},
    {"certificate_request_12", certificate_request_12},
    {"certificate_request_13", certificate_request_13},
    {"certificate_verify", message<parse_certificate_verify, write_signed>},
    {"server_key_exchange_ecdhe", server_key_exchange_ecdhe},
    {"server_key_exchange_psk",
     message<parse_server_key_exchange_psk, write_server_key_exchange_psk>},
    {"server_key_exchange_ecdhe_psk",
     message<parse_server_key_exchange_ecdhe_psk, write_server_key_exchange_ecdhe_psk>},
    {"client_key_exchange_ecdhe",
     message<parse_client_key_exchange_ecdhe, write_client_key_exchange_ecdhe>},
    {"client_key_exchange_psk",
     message<parse_client_key_exchange_psk, write_client_key_exchange_psk>},
    {"client_key_exchange_ecdhe_psk",
     message<parse_client_key_exchange_ecdhe_psk, write_client_key_exchange_ecdhe_psk>},
    {"new_session_ticket_12", message<parse_new_session_ticket_12, write_new_session_ticket_12>},
    {"new_session_ticket_13", new_session_ticket_13},
    {"key_update", message<parse_key_update, write_key_update>},
    {"ack", ack},
    {"unified_records", unified_without_id},
    {"unified_records_with_id", unified_with_id},
};

}  // namespace

std::span<const MessageCheck> message_checks() {
  return kChecks;
}

}  // namespace dtls::wire::test
