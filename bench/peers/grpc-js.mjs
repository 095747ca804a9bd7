/** gRPC: unary calls of @grpc/grpc-js over one connection, plain text. */
import { inUrl } from "./lib/listen.mjs"
import { packages } from "./lib/needs.mjs"
import * as service from "./lib/service.mjs"

export const about = {
  name: "grpc-js",
  kind: "wire",
  needs: ["@grpc/grpc-js", "@grpc/proto-loader"],
  how: "unary calls, plain text, limits of a message raised; no rows, for which gRPC wants a schema of each",
}

export const missing = packages(about.needs)

/** The service, as protobufjs writes a .proto in JSON. */
const field = (type, id) => ({ type, id })
const method = (requestType, responseType) => ({ requestType, responseType })
const DEFINITION = {
  nested: {
    Pair: { fields: { a: field("double", 1), b: field("double", 2) } },
    Number: { fields: { value: field("double", 1) } },
    Bytes: { fields: { value: field("bytes", 1) } },
    Service: {
      methods: {
        Add: method("Pair", "Number"),
        Echo: method("Bytes", "Bytes"),
        Sink: method("Bytes", "Number"),
        Source: method("Number", "Bytes"),
      },
    },
  },
}

const OPTIONS = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc-node.flow_control_window": 8 * 2 ** 20,
}

async function load() {
  const { default: grpc } = await import("@grpc/grpc-js")
  const { default: loader } = await import("@grpc/proto-loader")
  return { grpc, Service: grpc.loadPackageDefinition(loader.fromJSON(DEFINITION, { defaults: true })).Service }
}

export async function serve({ host }) {
  const { grpc, Service } = await load()
  const server = new grpc.Server(OPTIONS)
  const unary = body => (call, callback) => callback(null, { value: body(call.request) })
  server.addService(Service.service, {
    Add: unary(({ a, b }) => service.add(a, b)),
    Echo: unary(({ value }) => service.echo(value)),
    Sink: unary(({ value }) => service.sink(value)),
    Source: unary(({ value }) => service.source(value)),
  })
  const port = await new Promise((resolve, reject) => {
    server.bindAsync(`${inUrl(host)}:0`, grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    )
  })
  return { where: { target: `${inUrl(host)}:${port}` }, close: async () => server.forceShutdown() }
}

export async function connect(where) {
  const { grpc, Service } = await load()
  // A proxy of the environment's would stand between the two.
  const client = new Service(where.target, grpc.credentials.createInsecure(), {
    ...OPTIONS,
    "grpc.enable_http_proxy": 0,
  })
  await new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 30_000, error => (error ? reject(error) : resolve()))
  })
  const call = (name, request) =>
    new Promise((resolve, reject) => {
      client[name](request, (error, answer) => (error ? reject(error) : resolve(answer.value)))
    })
  return {
    add: (a, b) => call("Add", { a, b }),
    echo: bytes => call("Echo", { value: bytes }),
    sink: bytes => call("Sink", { value: bytes }),
    source: length => call("Source", { value: length }),
    close: async () => client.close(),
  }
}
