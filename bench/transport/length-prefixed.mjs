/** Whole messages over plain TCP, the least that a bulk echo can do: eight bytes of length, then the bytes, into memory of
 * just that size. */

/** Calls `onMessage(Buffer)` with each whole message that arrives on `socket`. */
export function readMessages(socket, onMessage) {
  const header = Buffer.alloc(8)
  let headerAt = 0
  let body
  let bodyAt = 0
  socket.on("data", data => {
    let at = 0
    while (at < data.length) {
      if (body === undefined) {
        const taken = data.copy(header, headerAt, at)
        at += taken
        headerAt += taken
        if (headerAt < 8) return
        body = Buffer.allocUnsafeSlow(header.readDoubleLE())
        bodyAt = 0
        headerAt = 0
      }
      const taken = data.copy(body, bodyAt, at)
      at += taken
      bodyAt += taken
      if (bodyAt < body.length) return
      const whole = body
      body = undefined
      onMessage(whole)
    }
  })
}

/** Sends `bytes` (a Buffer) as one message, without a copy. */
export function writeMessage(socket, bytes) {
  const header = Buffer.alloc(8)
  header.writeDoubleLE(bytes.length)
  socket.cork()
  socket.write(header)
  socket.write(bytes)
  socket.uncork()
}
