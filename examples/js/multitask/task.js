// One of the tasks that main.js starts: prints what its clients say.
var Dtls = require('dtls');
var socket = require('socket');
var iosched = require('iosched');

function onMessage(client, buffer, num) {
  console.log('Client:', client.peerName().addr, 'Say:', buffer.toString(num));
}

Task.on('message', function(msg, from) {
  if (!msg && msg.sockFd < 0) {
    return;
  }

  var client = Dtls.createByFd('DTLS-Server1', msg.sockFd, 500); // handshake timeout: 500ms
  if (!client) {
    return true; // handshake error.
  }

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

iosched.forever();
