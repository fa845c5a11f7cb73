/** Public functions that are not held to the law of misuse yet. Remove a name when its entry is added. */
export const PENDING: readonly string[] = [
  ...["Scope", "Trained", "accuracy", "adam", "adamW", "argmaxRows", "clipByGlobalNorm", "clipped", "conv4"],
  ...["cosineDecay", "crossEntropy", "decodeTensors", "describeModel", "encodeTensors", "evaluate", "fanInUniform"],
  ...["glorotUniform", "gradients", "heNormal", "inThread", "learned", "lossOf", "maml", "meanAndInterval"],
  ...["meanSquaredError", "metaSgd", "metaTrain", "mlp", "model", "modelTraits", "normal", "onesInitialiser"],
  ...["profileTask", "protoNet", "reptile", "restore", "sgd", "stepDecay", "truncatedNormal", "uniform", "workers"],
  "zerosInitialiser",
];
