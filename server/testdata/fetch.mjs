// Fetches resources over one HTTP/2 session with Node's own client.
//
//   node fetch.mjs ORIGIN CA.pem < LIST
//
// Each line of LIST is a path, a tab and the SHA-256 of its content in hex.
// Prints a line for every resource that is not as it should be, then the
// number of those that are. 64 streams are open at once.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:http2'

const [origin, ca] = process.argv.slice(2)
const list = readFileSync(0, 'utf8').trimEnd().split('\n').map(line => line.split('\t'))
const session = connect(origin, { ca: readFileSync(ca) })

function fetchOne(path) {
  return new Promise((resolve, reject) => {
    const sum = createHash('sha256')
    let status
    session.request({ ':path': path })
      .on('response', head => { status = head[':status'] })
      .on('data', part => sum.update(part))
      .on('end', () => resolve(`${status} ${sum.digest('hex')}`))
      .on('error', reject)
      .end()
  })
}

let right = 0
async function work() {
  for (let next = list.pop(); next; next = list.pop()) {
    const [path, want] = next
    const got = await fetchOne(path).catch(String)
    if (got === `200 ${want}`) right++
    else console.log(`${path}: ${got}`)
  }
}
await Promise.all(Array.from({ length: 64 }, work))
console.log(`right: ${right}`)
session.close()
