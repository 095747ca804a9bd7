/**
 * Values that cannot be copied, only reached: functions, proxies, objects, streams, signals and ports. Each gets a
 * channel of its own; the message carries a reference to it. Called by the codec for every value it cannot carry itself.
 */
import { MessagePort } from "node:worker_threads"
import { expose, proxyMarker, wrap } from "comlink"
import { ProtocolError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { callbackOf, serveFunction } from "./callback.ts"
import type { Channel } from "./channel.ts"
import { ComlinkPort } from "./comlink-port.ts"
import { ServedObject } from "./object-server.ts"
import { bridgePort, portOf } from "./port-bridge.ts"
import { RemoteObject } from "./remote-object.ts"
import type { Scope } from "./scope.ts"
import type { Session } from "./session.ts"
import { lowerSignal, raiseSignal } from "./signal.ts"
import { RemoteStreamImpl } from "./stream.ts"
import { isStream } from "./stream-iterator.ts"
import { serveStream } from "./stream-source.ts"

/** The JSON that stands for a live value, or undefined when it is none. */
export function lowerLive(value: object, _path: () => string, session: Session, scope: Scope): Json | undefined {
  if (scope.refers?.(value)) {
    const channel = session.open()
    const object = new ServedObject(value, channel, session, scope.kept)
    scope.addObject(object, channel)
    return object.reference
  }
  if (isProxyMarked(value))
    return reference("proxy", lasting(session, scope), c => expose(value, new ComlinkPort(c, false, value)))
  if (typeof value === "function") {
    if (!scope.functions) return undefined
    return reference("function", own(session, scope), c =>
      serveFunction(value as (...args: unknown[]) => unknown, c, session),
    )
  }
  if (value instanceof MessagePort) {
    scope.single = true
    return reference("port", lasting(session, scope), c => bridgePort(value, c))
  }
  if (value instanceof AbortSignal) return scope.functions ? lowerSignal(value, own(session, scope)) : undefined
  if (isStream(value)) {
    scope.single = true
    const channel = session.open()
    // A stream in an answer outlives it; one among the arguments ends with the call.
    if (scope.functions) scope.addCall(channel)
    else scope.addStream(channel)
    return reference("stream", channel, c => serveStream(value, c, session))
  }
  return undefined
}

/** The live value of a reference made by `lowerLive` on the other side. @throws ProtocolError */
export function raiseLive(ref: Json, session: Session, adopted: Scope): unknown {
  if (typeof ref !== "object" || ref === null || Array.isArray(ref))
    throw new ProtocolError("a malformed live reference")
  const channel = session.adopt(ref.channel)
  switch (ref.live) {
    case "function":
      adopted.addCall(channel)
      return callbackOf(channel, session)
    case "proxy":
      adopted.addLasting(channel)
      return wrap(new ComlinkPort(channel))
    case "port": {
      adopted.addLasting(channel)
      const port = portOf(channel)
      adopted.addPort(port)
      return port
    }
    case "signal":
      adopted.addCall(channel)
      return raiseSignal(ref, channel)
    case "object": {
      const object = new RemoteObject(channel, ref.ends === true, ref.kept === true)
      adopted.addObject(object, channel)
      return session.holder(object)
    }
    case "stream":
      adopted.addStream(channel)
      return new RemoteStreamImpl(channel)
    default:
      throw new ProtocolError(
        `an unknown kind of live reference: ${typeof ref.live === "string" ? ref.live.slice(0, 40) : "none"}`,
      )
  }
}

/** Marked by our `proxy()` or by any copy of Comlink: its marker is a plain symbol, another one in each copy. */
function isProxyMarked(value: object): boolean {
  if ((value as Record<symbol, unknown>)[proxyMarker] === true) return true
  return Object.getOwnPropertySymbols(value).some(
    s => s.description === "Comlink.proxy" && (value as Record<symbol, unknown>)[s] === true,
  )
}

function reference(live: string, channel: Channel, serve: (channel: Channel) => void): Json {
  serve(channel)
  return { live, channel: channel.id }
}

function own(session: Session, scope: Scope): Channel {
  const channel = session.open()
  scope.addCall(channel)
  return channel
}

function lasting(session: Session, scope: Scope): Channel {
  const channel = session.open()
  scope.addLasting(channel)
  return channel
}
