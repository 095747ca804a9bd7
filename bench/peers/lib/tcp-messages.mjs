/**
 * Whole messages over a stream: a byte of kind, eight of length, the bytes. What comes in
 * several pieces is read into memory of just that size; what is sent is not copied.
 */

const HEAD = 9
/** What is smaller goes out with its head in one piece: cheaper than two. */
const SMALL = 4_096

/** Calls `onMessage(kind, Buffer)` with each whole message. What it writes while one read is worked through leaves in one piece. */
export function messages(socket, onMessage) {
  const head = Buffer.alloc(HEAD)
  let headAt = 0
  let body
  let bodyAt = 0
  socket.on("data", data => {
    socket.cork()
    let at = 0
    while (at < data.length) {
      if (body === undefined) {
        const taken = data.copy(head, headAt, at)
        at += taken
        headAt += taken
        if (headAt < HEAD) break
        headAt = 0
        bodyAt = 0
        const length = head.readDoubleLE(1)
        if (length <= data.length - at) {
          onMessage(head[0], data.subarray(at, at + length)) // all of it is here: no copy
          at += length
          continue
        }
        body = Buffer.allocUnsafeSlow(length)
      }
      const taken = data.copy(body, bodyAt, at)
      at += taken
      bodyAt += taken
      if (bodyAt < body.length) break
      const whole = body
      body = undefined
      onMessage(head[0], whole)
    }
    socket.uncork()
  })
}

export function write(socket, kind, bytes) {
  const small = bytes.length <= SMALL
  const head = Buffer.allocUnsafe(small ? HEAD + bytes.length : HEAD)
  head[0] = kind
  head.writeDoubleLE(bytes.length, 1)
  if (small) {
    bytes.copy(head, HEAD)
    socket.write(head)
    return
  }
  socket.cork()
  socket.write(head)
  socket.write(bytes)
  socket.uncork()
}
