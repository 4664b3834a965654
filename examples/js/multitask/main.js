// Hands its clients to two tasks (task.js) in turn. Run it where cert.pem (certificate and key) lies:
//   jsre multitask/main.js
var Dtls = require('dtls');
var fs = require('fs');
var iosched = require('iosched');

// Two Task Server.
var next = 0;
var task = [];

task[0] = new Task('./task.js');
task[1] = new Task('./task.js');

var option = {
  name: 'DTLS-Server1',
  cert: fs.readString('./cert.pem')
};

var saddr = Dtls.sockaddr(Dtls.INADDR_ANY, 2049);
var server = Dtls.createServer(option, saddr);

server.accept(undefined, (client, remoteAddr) => {
  console.log('New client:', remoteAddr);

  // The file descriptor is passed to other tasks and will be closed by other tasks.
  task[next].send({ sockFd: client.sockFd });

  // MUST Call flyAway()
  client.flyAway();

  if (++next > 1) {
    next = 0;
  }
});

while (true) {
  iosched.poll();
}
