// Connects, says hello and prints the answer, one step after the other:
//   jsre sync-client.js
var Dtls = require('dtls');
var fs = require('fs');

var option = {
  rejectUnauthorized: false,
  ca: fs.readString('./ca.pem')
};

var saddr = Dtls.sockaddr('127.0.0.1', 2049);
var dtls = Dtls.createClient(option, saddr);
if (!dtls) {
  console.log('connect error:', sys.error());
  process.exit(1);
}

var num = dtls.send('Hello Packet!');
if (num < 0) {
  console.log('send error:', sys.error());
}

var buf = new Buffer(1024);
num = dtls.recv(buf);
if (num < 0) {
  console.log('recv error:', sys.error());
} else {
  console.log('Server says:', buf.toString(num));
}

dtls.close();
