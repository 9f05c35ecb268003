// Asks over HTTP/2 with Node's own client until the standard input ends.
//
//   node node.mjs HIT MISS CA.pem
//
// Prints a line for each answer: how often the request was sent again, or "failed"
// and why. A session whose server has sent GOAWAY gets no request any more, and what
// that server has not processed is sent again on the next one (RFC 9113 §6.8, §8.7).
import { readFileSync } from 'node:fs'
import { connect, constants } from 'node:http2'

const [hit, miss, file] = process.argv.slice(2)
const ca = readFileSync(file)
const most = 3 // times that a request is sent
const sessions = new Map() // by origin

function sessionOf(origin) {
  let session = sessions.get(origin)
  if (!session || session.closed || session.destroyed) {
    session = connect(origin, { ca })
    sessions.set(origin, session)
    const forget = () => { if (sessions.get(origin) === session) sessions.delete(origin) }
    session.on('goaway', (code, last) => { session.last = last; forget() })
    session.on('close', forget)
    session.on('error', forget) // the requests report it too
  }
  return session
}

function ask(url) {
  return new Promise((resolve, reject) => {
    const { origin, pathname } = new URL(url)
    const session = sessionOf(origin)
    const stream = session.request({ ':path': pathname })
    let status, id
    stream.on('ready', () => { id = stream.id })
    stream.on('response', head => { status = head[':status'] })
    stream.on('data', () => {})
    stream.on('error', error => {
      const unprocessed = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ||
        id === undefined || session.last !== undefined && id > session.last
      reject(Object.assign(error, { unprocessed }))
    })
    stream.on('end', () => {
      if (status === 200) resolve()
      else reject(new Error(`status ${status}`))
    })
    stream.end()
  })
}

let ended = false
process.stdin.on('end', () => { ended = true }).resume()

async function work(url, rest) {
  while (!ended) {
    for (let times = 1; ; times++) {
      try {
        await ask(url)
        console.log(times - 1)
        break
      } catch (error) {
        if (error.unprocessed && times < most) continue
        console.log(`failed ${error.code ?? ''} ${error.message}`)
        break
      }
    }
    await new Promise(resolve => setTimeout(resolve, Math.random() * 2 * rest))
  }
}

await Promise.all([work(hit, 20), work(hit, 20), work(miss, 20), work(miss, 400)])
for (const session of sessions.values()) session.close()
