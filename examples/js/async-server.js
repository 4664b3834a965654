// Prints what clients say. Run it where cert.pem (certificate and key) lies:
//   jsre async-server.js
var EventEmitter = require('events');
var Dtls = require('dtls');
var fs = require('fs');
var iosched = require('iosched');

var option = {
  cert: fs.readString('./cert.pem')
};

var saddr = Dtls.sockaddr(Dtls.INADDR_ANY, 2049);
var server = Dtls.createServer(option, saddr);

function onMessage(client, buffer, num) {
  console.log('Client:', client.peerName().addr, 'Say:', buffer.toString(num));
}

server.accept(undefined, (client, remoteAddr) => {
  console.log('New client:', remoteAddr);

  EventEmitter.inherits(client);
  client.on('message', onMessage);

  client.revent = iosched.event(iosched.READ, client.sockFd,
    (client) => {
      var buffer = new Buffer(4096);
      var ret = true;
      do {
        var num = client.recv(buffer, 0, buffer.length, 0);
        if (num > 0) {
          client.emit('message', client, buffer, num);
        } else if (num < 0) {
          ret = false;
          console.log('Client lost:', client.peerName());
          client.close();
        }
      } while (num > 0);
      return ret;
    }, undefined, client);

  iosched.add(client.revent);
});

while (true) {
  iosched.poll();
}
