// The one interface behind which every library is measured: ends of an association that take and
// give datagrams in memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dtls::bench {

enum class Version : std::uint8_t { kDtls12, kDtls13 };
enum class Role : std::uint8_t { kServer, kClient };

// What all candidates are given: one chain of a P-256 leaf under a P-256 root, for "localhost".
struct Material {
  std::string root_pem;
  std::string leaf_pem;
  std::string key_pem;
};
inline constexpr const char* kServerName = "localhost";
// Of handshake datagrams, and with some libraries of all.
inline constexpr std::uint16_t kMtu = 1400;

// Wire is one direction between two ends: datagrams in order, in memory that is there already, so
// that carrying them costs everybody the same copy.
class Wire {
 public:
  static constexpr std::size_t kMaxDatagram = 2048;
  static constexpr std::size_t kSlots = 64;

  // room is where the next datagram may be written before commit; empty when the wire is full.
  std::span<std::byte> room() {
    if (count_ == kSlots) return {};
    return slots_[(first_ + count_) % kSlots].bytes;
  }
  void commit(std::size_t size) {
    slots_[(first_ + count_) % kSlots].size = size;
    ++count_;
  }
  bool push(std::span<const std::byte> datagram) {
    const auto to = room();
    if (to.size() < datagram.size()) return false;
    std::ranges::copy(datagram, to.begin());
    commit(datagram.size());
    return true;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  // pop gives the oldest datagram, valid until the next push.
  std::span<std::byte> pop() {
    auto& slot = slots_[first_];
    // An empty wire begins anew, so that short conversations stay in the same few cache lines.
    first_ = --count_ == 0 ? 0 : (first_ + 1) % kSlots;
    return std::span(slot.bytes).first(slot.size);
  }

 private:
  struct Slot {
    std::array<std::byte, kMaxDatagram> bytes;
    std::size_t size;
  };
  std::vector<Slot> slots_{kSlots};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

// End is one side of an association. What it is given and gives is on the two wires that it was
// made with, which outlive it.
class End {
 public:
  End() = default;
  virtual ~End() = default;
  End(End&&) = delete;
  End& operator=(End&&) = delete;

  // handshake takes what has come in and answers; for a client that was not called yet it begins.
  virtual void handshake() = 0;
  [[nodiscard]] virtual bool is_established() const = 0;
  [[nodiscard]] virtual bool is_resumed() const = 0;
  virtual void send(std::span<const std::byte> message) = 0;
  // receive takes one datagram and gives the message in it, until the next call on this thread;
  // empty: there was none.
  virtual std::span<const std::byte> receive() = 0;
  // is_closed: the peer has ended the association. Only the candidates of `bench net` tell.
  [[nodiscard]] virtual bool is_closed() const { return false; }
  // has_proven_peer: a server's end belongs to one peer, whose cookie has come back. Until then a
  // candidate with a listening end can have it answer any peer.
  [[nodiscard]] virtual bool has_proven_peer() const { return true; }
  // fall_silent is for one whose memory is counted: much time has passed, and nothing came.
  virtual void fall_silent() {}
  // keep_session has the candidate remember what a client can resume with.
  virtual bool keep_session() = 0;
};

class Candidate {
 public:
  Candidate() = default;
  virtual ~Candidate() = default;
  Candidate(Candidate&&) = delete;
  Candidate& operator=(Candidate&&) = delete;

  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string release() const = 0;
  [[nodiscard]] virtual bool speaks(Version version) const = 0;

  virtual std::unique_ptr<End> make_server(Version version, Wire& in, Wire& out) = 0;
  // `resumes`: with what keep_session has kept.
  virtual std::unique_ptr<End> make_client(Version version, bool resumes, Wire& in, Wire& out) = 0;

  // challenge answers a ClientHello of DTLS 1.2 without a cookie, as a listening server does, and
  // gives the size of its answer on `out`; 0: it gave none.
  virtual std::size_t challenge(std::span<const std::byte> hello, Wire& out) = 0;
};

std::unique_ptr<Candidate> make_ours(const Material& material);
std::unique_ptr<Candidate> make_openssl(const Material& material);
std::unique_ptr<Candidate> make_gnutls(const Material& material);
std::unique_ptr<Candidate> make_mbedtls(const Material& material);
std::unique_ptr<Candidate> make_wolfssl(const Material& material);

// require ends the program where a library cannot do what is to be measured.
void require(bool fine, const char* what);

}  // namespace dtls::bench
