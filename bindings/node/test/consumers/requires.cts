// As imports.ts, for a program that requires @jsre/dtls.
import Dtls = require("@jsre/dtls");
import iosched = require("@jsre/dtls/iosched");
import Task = require("@jsre/dtls/task");

const options: Dtls.ServerOptions = { cert: "pem", key: "pem" };
const server = Dtls.createServer(options, Dtls.sockaddr());
// @ts-expect-error a number is no certificate
Dtls.createServer({ cert: 1 }, Dtls.sockaddr());
console.log(server instanceof Dtls, iosched.fds(), Task.isMain());
