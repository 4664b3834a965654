#include "support/interceptor.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "handshake/transcript.hpp"
#include "handshake/v13/key_schedule_13.hpp"
#include "record/protection.hpp"
#include "wire/record_header.hpp"
#include "wire/unified_header.hpp"

namespace dtls::test {
namespace {

using handshake::Bytes;
using record::Protection;
using wire::HandshakeType;

constexpr std::size_t kRoom = 18432;

void append(Interceptor::Buffer& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

Interceptor::Interceptor(EnginePair& pair) : pair_(pair) {
  for (auto* each : {&pair.client, &pair.server})
    each->owner.keeps_secrets = true;
  pair.alter([this](int /*number*/, EngineSide::Datagram& datagram) { this->intercept(datagram); });
}

void Interceptor::make_room(handshake::Settings& settings) {
  settings.channel.mtu = 16000;
}

void Interceptor::rewrite(Sender sender, HandshakeType type, Rewrite change) {
  rewrites_[{sender, type}] = std::move(change);
}

void Interceptor::add_after(Sender sender, HandshakeType type, HandshakeType added, Buffer body) {
  added_[{sender, type}] = {added, std::move(body)};
}

Interceptor::Buffer Interceptor::body_of(Sender sender, HandshakeType type) const {
  for (const auto& message : delivered_) {
    if (message.sender != sender || message.type != type) continue;
    return {message.raw.begin() + wire::kHandshakeHeaderSize, message.raw.end()};
  }
  return {};
}

crypto::Digest Interceptor::transcript() const {
  handshake::Transcript transcript;
  for (const auto& message : delivered_)
    transcript.add(message.raw);
  transcript.choose(suite().version, suite().hash, false);
  return transcript.digest();
}

Interceptor::Buffer Interceptor::messages() const {
  Buffer all;
  for (const auto& message : delivered_)
    append(all, message.raw);
  return all;
}

Interceptor::Buffer Interceptor::signed_params(Bytes params) const {
  Buffer content;
  append(content, random_of(Sender::kClient));
  append(content, random_of(Sender::kServer));
  append(content, params);
  return content;
}

const EngineSide& Interceptor::side(Sender sender) const {
  return sender == Sender::kClient ? pair_.client : pair_.server;
}

const handshake::Suite& Interceptor::suite() const {
  return *handshake::find_suite(pair_.server.engine->negotiated().suite);
}

// A server of DTLS 1.3 has the secrets of both directions before either is used.
Bytes Interceptor::secret(Sender sender, const char* label) const {
  const auto& known = side(sender).owner.secrets;
  const auto found = known.find(label);
  if (found == known.end()) throw std::logic_error(std::string("no secret yet: ") + label);
  return found->second;
}

// Both hellos begin with a version, then the random.
handshake::Random Interceptor::random_of(Sender sender) const {
  const auto hello = body_of(sender, sender == Sender::kClient ? HandshakeType::kClientHello
                                                               : HandshakeType::kServerHello);
  handshake::Random random{};
  std::copy_n(hello.begin() + 2, random.size(), random.begin());
  return random;
}

void Interceptor::intercept(EngineSide::Datagram& datagram) {
  const Sender sender = pair_.client.sent > client_sent_ ? Sender::kClient : Sender::kServer;
  client_sent_ = pair_.client.sent;
  Buffer out;
  wire::Reader rest(datagram);
  while (!rest.empty()) {
    const Bytes left = Bytes(datagram).last(rest.remaining());
    const bool is_unified = wire::has_unified_header(left[0]);
    const bool is_record = is_unified ? wire::read_unified_record(rest).has_value()
                                      : wire::read_record(rest).has_value();
    if (!is_record) throw std::logic_error("an engine has sent what is not a record");
    const auto record = left.first(left.size() - rest.remaining());
    append(out, is_unified ? take_unified(record, sender) : take_plain_form(record, sender));
  }
  datagram = std::move(out);
}

Interceptor::Buffer Interceptor::take_plain_form(std::span<const std::byte> whole, Sender sender) {
  wire::Reader reader(whole);
  const auto record = wire::read_record(reader);
  const auto& header = record->header;
  Buffer same(whole.begin(), whole.end());
  if (header.type != wire::ContentType::kHandshake || header.epoch > 1) return same;
  Buffer out(kRoom);
  if (header.epoch == 0) {
    const auto content = process(record->fragment, sender);
    if (content.empty()) return {};
    out.resize(Protection().seal({0, header.sequence}, header.version, header.type, content, out));
    return out;
  }
  auto keys = handshake::key_block(suite().hash, suite().aead, secret(sender, "CLIENT_RANDOM"),
                                   random_of(Sender::kClient), random_of(Sender::kServer));
  const auto& protection = sender == Sender::kClient ? keys.client : keys.server;
  Buffer fragment(record->fragment.begin(), record->fragment.end());
  const auto opened = protection.open_tls12(header, fragment, wire::kMaxPlaintext);
  if (opened.verdict != Protection::Verdict::kOpened) throw std::logic_error("not under its keys");
  const auto content = process(opened.content, sender);
  if (content.empty()) return {};
  if (stripped_ == sender) {
    constexpr std::uint64_t kUnused = 1000;  // no record without keys has such a number
    out.resize(Protection().seal({0, kUnused + header.sequence}, header.version, header.type,
                                 content, out));
    return out;
  }
  out.resize(
      protection.seal({header.epoch, header.sequence}, header.version, header.type, content, out));
  return out;
}

Interceptor::Buffer Interceptor::take_unified(std::span<const std::byte> whole, Sender sender) {
  Buffer same(whole.begin(), whole.end());
  Buffer copy = same;
  wire::Reader reader(copy);
  const auto record = wire::read_unified_record(reader);
  if (record->epoch_bits != record::kHandshakeEpoch) return same;
  const auto protection = Protection::tls13(
      suite().aead, suite().hash,
      secret(Sender::kServer, sender == Sender::kClient ? "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
                                                        : "SERVER_HANDSHAKE_TRAFFIC_SECRET"));
  const auto header = std::span(copy).first(record->header.size());
  const auto sealed = std::span(copy).subspan(header.size());
  const auto number = header.subspan(record->sequence_at, record->sequence_size);
  protection.unmask(number, sealed);
  // Handshakes have few records: the bytes on the wire are the whole number.
  std::uint64_t sequence = 0;
  for (const std::byte byte : number)
    sequence = sequence << 8U | std::to_integer<unsigned>(byte);
  const auto opened = protection.open_tls13(sequence, header, sealed, wire::kMaxPlaintext);
  if (opened.verdict != Protection::Verdict::kOpened) throw std::logic_error("not under its keys");
  if (opened.type != wire::ContentType::kHandshake) return same;
  const auto content = process(opened.content, sender);
  if (content.empty()) return {};
  Buffer out(kRoom);
  out.resize(protection.seal({record::kHandshakeEpoch, sequence}, wire::kDtls12, opened.type,
                             content, out));
  return out;
}

Interceptor::Buffer Interceptor::process(Bytes content, Sender sender) {
  Buffer out;
  wire::Reader reader(content);
  while (!reader.empty()) {
    const auto fragment = wire::read_handshake(reader);
    if (!fragment || !fragment->header.is_whole()) throw std::logic_error("use make_room");
    const std::size_t side = sender == Sender::kClient ? 0 : 1;
    if (skipped_.contains({sender, fragment->header.type})) {
      ++left_out_.at(side);
      has_rewritten_.at(side) = true;
      continue;
    }
    Message message{sender, fragment->header.type, {}};
    message.raw.resize(wire::kHandshakeHeaderSize);
    append(message.raw, fragment->body);
    change(message);
    wire::HandshakeHeader header = fragment->header;
    header.message_seq = static_cast<std::uint16_t>(header.message_seq - left_out_.at(side));
    header.length = header.fragment_length =
        static_cast<std::uint32_t>(message.raw.size() - wire::kHandshakeHeaderSize);
    wire::Writer writer(message.raw);
    wire::write_handshake_header(writer, header);
    append(out, message.raw);
    if (const auto more = added_.find({sender, message.type}); more != added_.end()) {
      const auto& [type, body] = more->second;
      const auto size = static_cast<std::uint32_t>(body.size());
      Buffer added(wire::kHandshakeHeaderSize);
      wire::Writer added_writer(added);
      wire::write_handshake_header(
          added_writer, {type, size, static_cast<std::uint16_t>(header.message_seq + 1), 0, size});
      append(added, body);
      append(out, added);
    }
    delivered_.push_back(std::move(message));
  }
  return out;
}

void Interceptor::change(Message& message) {
  Buffer body(message.raw.begin() + wire::kHandshakeHeaderSize, message.raw.end());
  const bool is_13 = pair_.server.engine->negotiated().version == wire::kDtls13;
  auto& has_rewritten = has_rewritten_.at(message.sender == Sender::kClient ? 0 : 1);
  if (is_13 && has_rewritten && message.type == HandshakeType::kFinished) {
    const auto mac =
        handshake::finished_mac(suite().hash,
                                secret(Sender::kServer, message.sender == Sender::kClient
                                                            ? "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
                                                            : "SERVER_HANDSHAKE_TRAFFIC_SECRET"),
                                transcript());
    body.assign(mac.view().begin(), mac.view().end());
  }
  const auto found = rewrites_.find({message.sender, message.type});
  if (found != rewrites_.end()) {
    const Buffer before = body;
    found->second(body);
    has_rewritten |= body != before;
  }
  message.raw.resize(wire::kHandshakeHeaderSize);
  append(message.raw, body);
}

}  // namespace dtls::test
