"use strict";

const { constants, sockaddr, sockaddr6 } = require("../dtls/sockaddr");

// Only what addresses need. Datagram and stream sockets are the host's.
module.exports = Object.freeze({ ...constants, sockaddr, sockaddr6 });
