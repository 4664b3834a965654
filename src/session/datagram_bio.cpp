#include "session/datagram_bio.hpp"

#include <algorithm>
#include <cstring>

namespace dtls::session {
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

int write_datagram(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  port_of(bio).outgoing.emplace_back(bytes, bytes + size);
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

}  // namespace dtls::session
