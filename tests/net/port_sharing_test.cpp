// The server's socket can be shared only while a connection's socket is made beside it.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/sockaddr.hpp"
#include "socket_support.hpp"

namespace dtls::net {
namespace {

// bind_sharing gives what bind(2) says to a program of the same user that offers to share the port.
int bind_sharing(const Address& local) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
  const SocketAddress address = to_sockaddr(local);
  const int failure = ::bind(fd, address.get(), address.length) == 0 ? 0 : errno;
  ::close(fd);
  return failure;
}

TEST(PortSharing, program_of_the_same_user_is_refused_before_and_after_a_connections_socket) {
  auto server = UdpSocket::bind(*Address::parse("127.0.0.1", 0));
  ASSERT_TRUE(server);
  const Address local = *server->local_address();
  EXPECT_EQ(bind_sharing(local), EADDRINUSE);
  {
    auto connection = UdpSocket::bind_and_connect(*server, local, *Address::parse("127.0.0.1", 9));
    ASSERT_TRUE(connection);
  }
  EXPECT_EQ(bind_sharing(local), EADDRINUSE);
}

}  // namespace
}  // namespace dtls::net
