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
  await connect(trusting("other-ca.pem"), another.sockName());
} catch (error) {
  console.log("refused:", error === lastError() ? error.code : error);
}
another.close();
