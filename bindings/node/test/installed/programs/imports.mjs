import { promisify } from "node:util";
import Dtls, { createClient, lastError } from "@jsre/dtls";
import talk from "./talk.cjs";

const { ask, serve, trusting } = talk;
const connect = promisify(createClient);

const server = serve(Dtls);
const client = await connect(trusting("ca.pem"), server.sockName());
console.log("echo:", await ask(client, "hello"));

const another = serve(Dtls);
try {
  const accepted = await connect(trusting("other-ca.pem"), another.sockName());
  accepted.close();
} catch (error) {
  console.log("refused:", error === lastError() ? error.code : error);
}
another.close();
