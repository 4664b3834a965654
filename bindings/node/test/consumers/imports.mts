// A program that imports @jsre/dtls, compiled by test/package.test.js and never run: declarations that
// reject it are wrong. The test compiles it as imports.ts, too.
import Dtls, {
  INADDR_LOOPBACK,
  createClient,
  createServer,
  lastError,
  sockaddr,
} from "@jsre/dtls";
import type { ClientOptions, SockAddr } from "@jsre/dtls";
import iosched, { READ, poll } from "@jsre/dtls/iosched";
import Task from "@jsre/dtls/task";
import { promisify } from "node:util";

const options: ClientOptions = { rejectUnauthorized: true, ca: "pem" };
const server = createServer({ cert: "pem" }, sockaddr(INADDR_LOOPBACK, 0));
const same: Dtls | undefined = server;
server?.accept(undefined, (peer, remote: SockAddr) => {
  peer.onreadable = () => console.log(remote.addr, peer.recv(Buffer.alloc(1)));
});
const event: iosched.IoEvent<number> = iosched.event<number>(
  READ,
  0,
  (n: number) => n > 0,
  1,
);
iosched.add(event);
const task: Task = new Task("./task.js");
const error: Dtls.DtlsError | undefined = lastError();
// @ts-expect-error the address is missing
createClient(options);
console.log(poll(0)[0].length, task.id(), same, error?.errno);

async function connect(): Promise<number> {
  const client = await promisify(createClient)(options, sockaddr("::1", 1));
  // @ts-expect-error a promise takes no callback
  promisify(createClient)(options, sockaddr("::1", 1), () => {});
  return client.send("text");
}
void connect();
