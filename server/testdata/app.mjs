// A small application behind the edge: pages, assets, cookies, uploads, server-sent
// events and a WebSocket that echoes. It prints its port, and /counts says how
// often each path was asked for.
import http from 'node:http'
import { createHash, randomUUID } from 'node:crypto'

const counts = {}
const asset = { 'cache-control': 'public, max-age=60' }

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The application</title>
<link rel="stylesheet" href="/assets/style.css">
<link rel="icon" href="/assets/icon.svg">
<h1>The application</h1>
<p>Page <output id="page"></output>, <output id="events">0</output> events,
WebSocket <output id="socket">closed</output></p>
<img src="/assets/icon.svg" width="96" height="96" alt="">
<script src="/assets/script.js"></script>
`
const assets = {
  '/assets/style.css': ['text/css', 'body { font-family: sans-serif; margin: 4em; background: #eef6ff }\nh1 { color: #05427b }\noutput { font-weight: bold }\n'],
  '/assets/script.js': ['text/javascript', 'document.getElementById("page").textContent = "ready"\n'],
  '/assets/icon.svg': ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4" fill="#0a7"/></svg>\n'],
}

const routes = {
  '/'(request, response) {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    response.end(page)
  },
  // A new cookie for whoever has none, on a response that says of itself that it
  // is public: many applications do.
  '/session'(request, response) {
    const cookie = /(?:^|; )session=([^;]*)/.exec(request.headers.cookie ?? '')?.[1]
    const fields = { 'content-type': 'text/plain', 'cache-control': 'private' }
    if (!cookie) Object.assign(fields, asset)['set-cookie'] = `session=${randomUUID()}; Path=/; Secure; HttpOnly`
    response.writeHead(200, fields)
    response.end(cookie ?? 'new')
  },
  '/whoami'(request, response) {
    response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'private, max-age=60' })
    response.end(request.headers.cookie ?? 'nobody')
  },
  '/upload'(request, response) {
    const sum = createHash('sha256')
    let size = 0
    request.on('data', part => { sum.update(part); size += part.length })
    request.on('end', () => {
      response.writeHead(201, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ size, sum: sum.digest('hex'), type: request.headers['content-type'] ?? '' }))
    })
  },
  // Five events, each when the one before was 150 ms ago.
  '/events'(request, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    let n = 0
    const timer = setInterval(() => {
      response.write(`id: ${++n}\ndata: ${Date.now()}\n\n`)
      if (n === 5) { clearInterval(timer); response.end() }
    }, 150)
    response.on('close', () => clearInterval(timer))
  },
  '/counts'(request, response) {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(counts))
  },
}

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://app')
  counts[pathname] = (counts[pathname] ?? 0) + 1
  if (assets[pathname]) {
    const [type, body] = assets[pathname]
    response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...asset })
    response.end(body)
  } else if (routes[pathname]) routes[pathname](request, response)
  else response.writeHead(404, { 'content-type': 'text/plain' }).end('no such page\n')
})

// The WebSocket (RFC 6455): it greets with the Via field that it was asked with,
// and sends every message back.
server.on('upgrade', (request, socket, head) => {
  if (request.url !== '/socket') {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n')
    return
  }
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
  const frame = (opcode, payload) => {
    const n = payload.length
    const size = n < 126 ? Buffer.from([n]) : n < 65536 ? Buffer.from([126, n >> 8, n & 255]) : Buffer.alloc(9)
    if (n >= 65536) { size[0] = 127; size.writeBigUInt64BE(BigInt(n), 1) }
    socket.write(Buffer.concat([Buffer.from([0x80 | opcode]), size, payload]))
  }
  frame(1, Buffer.from('via ' + (request.headers.via ?? '')))
  let message = [], kind = 0, unread = Buffer.alloc(0)
  const read = part => {
    unread = Buffer.concat([unread, part])
    for (;;) {
      if (unread.length < 2) return
      let n = unread[1] & 127, at = 2
      if (n === 126) { if (unread.length < 4) return; n = unread.readUInt16BE(2); at = 4 }
      else if (n === 127) { if (unread.length < 10) return; n = Number(unread.readBigUInt64BE(2)); at = 10 }
      if (unread.length < at + 4 + n) return
      const mask = unread.subarray(at, at + 4), payload = Buffer.from(unread.subarray(at + 4, at + 4 + n))
      for (let i = 0; i < n; i++) payload[i] ^= mask[i & 3]
      const opcode = unread[0] & 15, last = unread[0] & 128
      unread = unread.subarray(at + 4 + n)
      if (opcode === 8) { frame(8, payload); socket.end(); return }
      if (opcode === 9) { frame(10, payload); continue }
      if (opcode === 10) continue
      if (opcode) kind = opcode
      message.push(payload)
      if (last) { frame(kind, Buffer.concat(message)); message = [] }
    }
  }
  socket.on('data', read)
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  if (head.length) read(head)
})

process.stdin.on('end', () => process.exit()).resume() // with the test
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address().port))
