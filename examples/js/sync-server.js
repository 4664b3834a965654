// Serves one client after the other, and sends back what each one says:
//   jsre sync-server.js
var Dtls = require('dtls');
var fs = require('fs');

var option = {
  name: 'Dtls-Server1',
  cert: fs.readString('./cert.pem'),
  key: fs.readString('./cert.key')
};

var saddr = Dtls.sockaddr(Dtls.INADDR_ANY, 2049);
var dtls = Dtls.createServer(option, saddr);
if (!dtls) {
  console.log('server error:', sys.error());
  process.exit(1);
}

while (true) {
  var remoteAddr = {};
  var dtlsNew = dtls.accept(remoteAddr);
  if (dtlsNew) {
    console.log('New remote connected:', remoteAddr);
    var buf = new Buffer(1024);
    var num;
    while ((num = dtlsNew.recv(buf)) > 0) {
      dtlsNew.send(buf, 0, num);
    }
    dtlsNew.close();
  }
}
