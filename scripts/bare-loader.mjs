/**
 * What AssemblyScript's loader adds to a module is for exports of its objects. The core has none and imports nothing, so that in what
 * pages and workers load, an instance is all that is left of the loader.
 */
export const bareLoader = [
  /assemblyscript\/loader\/index\.js$/,
  "export const instantiateSync = (bytes) => ({ instance: new WebAssembly.Instance(new WebAssembly.Module(bytes)) });",
];
