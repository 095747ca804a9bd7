import { describe, expect, it } from "vitest"
import { type Networks, sourceAddresses } from "../../src/runner/source-address.ts"

const NETWORKS: Networks = {
  lo: [{ cidr: "127.0.0.1/8" }, { cidr: "::1/128" }],
  ib0: [{ cidr: "10.201.0.11/24" }, { cidr: "fd00:201::11/64" }],
  eth0: [{ cidr: "10.202.0.11/24" }],
}
const IB = "10.201.0.11"
const IB6 = "fd00:201::11"
const ETH = "10.202.0.11"

describe("sourceAddresses", () => {
  it.each<[string, string[], string[], (string | undefined)[]]>([
    ["nothing is wanted", ["10.201.0.1"], [], [undefined]],
    ["in one network", ["10.201.0.1"], [IB], [IB]],
    ["each in its own network", ["10.201.0.1", "10.202.0.1"], [IB, ETH], [IB, ETH]],
    ["in whatever order", ["10.202.0.1", "10.201.0.1"], [IB, ETH], [ETH, IB]],
    ["ib0's address is not for eth0", ["10.201.0.1", "10.202.0.1"], [IB], [IB, undefined]],
    ["nor where the parent is only there", ["10.202.0.1"], [IB], [undefined]],
    ["beyond a router", ["10.9.0.1"], [IB], [IB]],
    ["beyond a router, and the address has a network to serve", ["10.201.0.1", "10.9.0.1"], [IB], [IB, undefined]],
    ["beyond a router, with one to spare", ["10.201.0.1", "10.9.0.1"], [IB, ETH], [IB, ETH]],
    ["IPv6", ["fd00:201::1"], [IB, IB6], [IB6]],
    ["of the other family", ["fd00:201::1", "fd00:9::1"], [IB], [undefined, undefined]],
    ["IPv6 beyond a router", ["fd00:9::1", "10.9.0.1"], [IB6, IB], [IB6, IB]],
    ["an address that the list of interfaces does not have", ["127.0.0.1"], ["127.1.2.3"], [undefined]],
    ["the same beyond a router", ["10.9.0.1"], ["10.77.0.1"], ["10.77.0.1"]],
  ])("%s", (_what, targets, from, expected) => {
    expect(sourceAddresses(targets, from, NETWORKS)).toEqual(expected)
  })
})
