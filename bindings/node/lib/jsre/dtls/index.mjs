// The module for `import`: the class as default, and each of its functions and constants by name.
import Dtls from "./index.js";

export default Dtls;
export const {
  AF_INET,
  AF_INET6,
  IN6ADDR_ANY,
  IN6ADDR_LINKLOCAL_ALLNODES,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
  IN6ADDR_LOOPBACK,
  IN6ADDR_NODELOCAL_ALLNODES,
  INADDR_ANY,
  INADDR_BROADCAST,
  INADDR_LOOPBACK,
  INADDR_NONE,
  createByFd,
  createClient,
  createServer,
  lastError,
  sockaddr,
  sockaddr6,
} = Dtls;
