"use strict";

const { constants, sockaddr, sockaddr6 } = require("../dtls/sockaddr");

// Only the part about addresses. Datagram and stream sockets are the host's.
module.exports = Object.freeze({ ...constants, sockaddr, sockaddr6 });
