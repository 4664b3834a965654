#include "support/datagram_bio.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

namespace dtls::test {
namespace {

DatagramPort& port_of(BIO* bio) {
  return *static_cast<DatagramPort*>(BIO_get_data(bio));
}

int read_datagram(BIO* bio, char* out, int room) {
  BIO_clear_retry_flags(bio);
  DatagramPort& port = port_of(bio);
  if (port.incoming.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  // What does not fit is lost, as with recv(2) on a datagram socket.
  const std::size_t size = std::min(port.incoming.size(), static_cast<std::size_t>(room));
  std::memcpy(out, port.incoming.data(), size);
  if (!port.peek) port.incoming = {};
  return static_cast<int>(size);
}

// Whether a datagram begins with a record of a handshake, and so is made of such ones.
bool is_of_handshake(std::span<const std::byte> datagram) {
  return !datagram.empty() && (datagram.front() == std::byte{SSL3_RT_HANDSHAKE} ||
                               datagram.front() == std::byte{SSL3_RT_CHANGE_CIPHER_SPEC});
}

// libssl fills datagrams when it sends a flight, but sends it again record by record: then a
// network that loses a fifth of all datagrams loses half of a server's last flight. So records of
// one flight are put together here (RFC 6347 §4.1.1).
int write_datagram(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  DatagramPort& port = port_of(bio);
  const auto bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
  if (!port.outgoing.empty()) {
    auto& last = port.outgoing.back();
    if (is_of_handshake(last) && is_of_handshake(bytes) &&
        last.size() + bytes.size() <= port.handshake_limit) {
      last.insert(last.end(), bytes.begin(), bytes.end());
      return size;
    }
  }
  port.outgoing.emplace_back(bytes.begin(), bytes.end());
  return size;
}

long control(BIO* bio, int command, long value, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_DGRAM_SET_PEEK_MODE:
      port_of(bio).peek = value != 0;
      return 1;
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:  // the caller keeps the time
      return 1;
    default:
      return 0;
  }
}

// The method lives as long as the process: BIOs of any thread refer to it.
BIO_METHOD* method() {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram port");
    BIO_meth_set_read(made, read_datagram);
    BIO_meth_set_write(made, write_datagram);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return kMethod;
}

}  // namespace

crypto::OwnedBio make_datagram_bio(DatagramPort& port) {
  crypto::OwnedBio bio(BIO_new(method()));
  BIO_set_data(bio.get(), &port);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace dtls::test
