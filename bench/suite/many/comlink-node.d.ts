/** Comlink declares its adapter for Node beside a name that Node itself cannot resolve. */
declare module "comlink/dist/esm/node-adapter.mjs" {
  export { default } from "comlink/dist/esm/node-adapter"
}
