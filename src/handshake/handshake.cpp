#include "handshake/handshake.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace dtls::handshake {

Step Handshake::provide_psk(const PreSharedKey* /*key*/) {
  return unable("a pre-shared key was given to a handshake that did not ask for one");
}

Step Handshake::ask_for_psk(std::string_view identity) {
  want_psk(identity);
  auto found = core_.decisions->psk(identity);
  if (std::holds_alternative<PskPending>(found)) {
    wait_for_psk(identity);
    return {};
  }
  return provide_psk(std::get_if<PreSharedKey>(&found));
}

Failure unexpected(wire::HandshakeType type) {
  auto failure = broken(wire::AlertDescription::kUnexpectedMessage,
                        "it sent a handshake message of type " +
                            std::to_string(static_cast<int>(type)) + " out of turn");
  failure.is_out_of_turn = true;
  return failure;
}

Failure in_wrong_epoch() {
  auto failure =
      broken(wire::AlertDescription::kUnexpectedMessage, "it sent a message in a wrong epoch");
  failure.is_out_of_turn = true;
  return failure;
}

std::span<std::byte> scratch() {
  // The largest message is a Certificate: our own chain with its lengths.
  thread_local std::array<std::byte, std::size_t{66} * 1024> space;
  return space;
}

std::uint16_t plaintext_limit(std::uint16_t advertised, wire::Version version) {
  constexpr std::uint16_t kLeast = 64;
  if (advertised < kLeast) return 0;
  const int content = version == wire::kDtls13 ? advertised - 1 : advertised;
  return static_cast<std::uint16_t>(std::min<int>(content, wire::kMaxPlaintext));
}

void apply_record_limits(Core& core, std::uint64_t epoch) {
  constexpr std::size_t kMost = wire::kMaxPlaintext;
  const Negotiated& agreed = core.negotiated;
  if (agreed.peer_record_limit == 0) {  // a renegotiation may do without what was agreed before
    core.channel.set_record_size_limits(epoch, kMost, kMost);
    return;
  }
  const auto ours = plaintext_limit(core.settings->record_size_limit, agreed.version);
  core.channel.set_record_size_limits(epoch, ours == 0 ? kMost : ours, agreed.peer_record_limit);
}

void set_life(SessionState& state, const Core& core, std::uint32_t lifetime_s) {
  constexpr auto kLongest = std::chrono::hours(24 * 7);
  state.issued = core.now;
  state.valid_until = std::min<TimePoint>(core.resumable_until, core.now + kLongest);
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(state.valid_until - core.now);
  state.lifetime_s =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(left.count(), 0, lifetime_s));
}

void accept_resumed(Core& core, const SessionState& state) {
  core.resumable_until = state.valid_until;
  core.decisions->accept_resumed(state);
}

}  // namespace dtls::handshake
