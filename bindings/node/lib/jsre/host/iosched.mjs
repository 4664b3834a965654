// The event scheduler for `import`.
import iosched from "./iosched.js";

export default iosched;
export const {
  ACCEPT,
  CONNECT,
  EXCEPT,
  READ,
  WRITE,
  add,
  event,
  fds,
  forever,
  listening,
  once,
  poll,
  remove,
  select,
} = iosched;
