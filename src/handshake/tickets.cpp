#include "handshake/tickets.hpp"

#include <algorithm>
#include <chrono>

#include "crypto/random.hpp"
#include "crypto/wipe.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::handshake {
namespace {

constexpr auto kAead = crypto::AeadAlgorithm::kAes256Gcm;
constexpr std::size_t kKeySize = 32;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kNonceSize = crypto::kAeadNonceSize;
constexpr std::array kMark{std::byte{0xff}, std::byte{'t'}, std::byte{'k'}, std::byte{'1'}};
// A ticket travels in one handshake message, and comes back in a ClientHello, whose vectors have at
// most 2^16 bytes. Certificates of peers have a few kilobytes at most.
constexpr std::size_t kMaxLeaf = 8192;
constexpr std::size_t kMaxState = kMaxLeaf + 1024;

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t milliseconds(TimePoint time) {
  const auto since = std::chrono::duration_cast<Duration>(time.time_since_epoch());
  return static_cast<std::uint64_t>(since.count());
}

void write_short(wire::Writer& writer, Bytes bytes) {
  writer.u8(static_cast<std::uint8_t>(bytes.size()));
  writer.bytes(bytes);
}

// Lengths stand for themselves: only our own reader sees this, and only after authentication.
std::size_t encode(const SessionState& state, std::span<std::byte> out) {
  wire::Writer writer(out);
  writer.u16(state.version);
  writer.u16(static_cast<std::uint16_t>(state.suite));
  write_short(writer, state.secret.view());
  writer.u48(milliseconds(state.issued));
  writer.u32(state.lifetime_s);
  writer.u48(milliseconds(state.valid_until));
  writer.u32(state.age_add);
  write_short(writer, bytes_of(state.server_name));
  write_short(writer, bytes_of(state.alpn));
  writer.u16(static_cast<std::uint16_t>(state.peer_leaf.size()));
  writer.bytes(state.peer_leaf);
  writer.u8(state.peer_authorized ? 1 : 0);
  writer.bytes(state.binding);
  return writer.written();
}

std::optional<SessionState> decode(Bytes bytes) {
  wire::Reader reader(bytes);
  SessionState state;
  state.version = reader.u16();
  state.suite = static_cast<wire::CipherSuite>(reader.u16());
  const auto secret = reader.vector8(1, crypto::kMaxDigestSize);
  state.issued = TimePoint(Duration(reader.u48()));
  state.lifetime_s = reader.u32();
  state.valid_until = TimePoint(Duration(reader.u48()));
  state.age_add = reader.u32();
  state.server_name = text_of(reader.vector8(0, 255));
  state.alpn = text_of(reader.vector8(0, 255));
  const auto leaf = reader.vector16(0, kMaxLeaf);
  state.peer_leaf.assign(leaf.begin(), leaf.end());
  state.peer_authorized = reader.u8() == 1;
  const auto binding = reader.take(state.binding.size());
  if (!reader.finished()) return std::nullopt;
  state.secret = crypto::Secret(secret);
  std::ranges::copy(binding, state.binding.begin());
  return state;
}

}  // namespace

SessionState SessionState::copy() const {
  return {.version = version,
          .suite = suite,
          .secret = secret.copy(),
          .issued = issued,
          .lifetime_s = lifetime_s,
          .valid_until = valid_until,
          .age_add = age_add,
          .server_name = server_name,
          .alpn = alpn,
          .peer_leaf = peer_leaf,
          .peer_authorized = peer_authorized,
          .binding = binding};
}

bool is_fresh(const SessionState& state, TimePoint now) {
  return now >= state.issued && now < state.valid_until &&
         now - state.issued < std::chrono::seconds(state.lifetime_s);
}

TicketKeys::Shared TicketKeys::current(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (current_ == nullptr || now - current_->made >= lifetime_) {
    crypto::SecretBytes<kKeySize> secret;
    Id id;
    std::ranges::copy(kMark, id.begin());
    const auto unique = std::span(id).subspan<kMark.size()>();
    if (!crypto::fill_random(secret.writable()) || !crypto::fill_random(unique)) return nullptr;
    former_ = std::move(current_);
    current_ = std::make_shared<Key>(Key{id, crypto::AeadKey(kAead, secret.view()), now});
  }
  return current_;
}

TicketKeys::Shared TicketKeys::find(Bytes id, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Shared found;
  for (auto* const key : {&current_, &former_}) {
    if (*key == nullptr) continue;
    if (now - (*key)->made >= 2 * lifetime_) {
      key->reset();  // also where no ticket is sealed that would replace it
    } else if (std::ranges::equal((*key)->id, id)) {
      found = *key;
    }
  }
  return found;
}

std::optional<Buffer> TicketKeys::seal(const SessionState& state, TimePoint now) {
  if (state.peer_leaf.size() > kMaxLeaf || state.server_name.size() > 255) return std::nullopt;
  const auto key = current(now);
  if (key == nullptr) return std::nullopt;
  std::array<std::byte, kMaxState> plaintext;
  const std::size_t size = encode(state, plaintext);
  Buffer ticket(kIdSize + kNonceSize + size + kTagSize);
  const std::span<std::byte> whole(ticket);
  const auto nonce = whole.subspan<kIdSize, kNonceSize>();
  std::ranges::copy(key->id, ticket.begin());
  // Random nonces are fine for 2^32 tickets under one key (NIST SP 800-38D §8.3).
  const bool sealed = size != 0 && crypto::fill_random(nonce) &&
                      key->aead.seal(nonce, whole.first(kIdSize), Bytes(plaintext).first(size),
                                     whole.subspan(kIdSize + kNonceSize));
  crypto::wipe(std::span(plaintext).first(size));
  key->aead.leave_thread();
  if (!sealed) return std::nullopt;
  return ticket;
}

bool TicketKeys::looks_like_one(Bytes ticket) {
  return ticket.size() > kMark.size() && std::ranges::equal(ticket.first(kMark.size()), kMark);
}

std::optional<SessionState> TicketKeys::open(Bytes ticket, TimePoint now) {
  constexpr std::size_t kOverhead = kIdSize + kNonceSize + kTagSize;
  if (ticket.size() < kOverhead || ticket.size() > kOverhead + kMaxState) return std::nullopt;
  const auto key = find(ticket.first(kIdSize), now);
  if (key == nullptr) return std::nullopt;
  std::array<std::byte, kMaxState + kTagSize> storage;
  const auto sealed = ticket.subspan(kIdSize + kNonceSize);
  const auto work = std::span(storage).first(sealed.size());
  std::ranges::copy(sealed, work.begin());
  const auto size =
      key->aead.open(ticket.subspan<kIdSize, kNonceSize>(), ticket.first(kIdSize), work);
  key->aead.leave_thread();
  if (!size) return std::nullopt;
  auto state = decode(Bytes(work).first(*size));
  crypto::wipe(work);
  if (!state || !is_fresh(*state, now)) return std::nullopt;
  return state;
}

}  // namespace dtls::handshake
