// task.js without waiting for handshakes: one that takes long holds up no other client of its task.
// In main.js, start './task-async.js' in place of './task.js'.
var Dtls = require('dtls');
var iosched = require('iosched');

function onMessage(client, buffer, num) {
  console.log('Client:', client.peerName().addr, 'Say:', buffer.toString(num));
}

function onReadable(client) {
  var buffer = new Buffer(4096);
  var num;
  while ((num = client.recv(buffer, 0, buffer.length, 0)) > 0) {
    client.emit('message', client, buffer, num);
  }
  if (num < 0) {
    console.log('Client lost:', client.peerName());
    client.close();
    return false; // ends the event
  }
}

Task.on('message', (msg) => {
  Dtls.createByFd('DTLS-Server1', msg.sockFd, (client) => {
    if (!client) {
      console.log('Handshake error:', sys.error());
      return;
    }
    EventEmitter.inherits(client);
    client.on('message', onMessage);
    iosched.add(iosched.event(iosched.READ, client.sockFd, onReadable, undefined, client));
  });
});

iosched.forever();
