/** Public functions that are not held to the law of misuse yet. Remove a name when its entry is added. */
export const PENDING: readonly string[] = [
  ...["Adapted", "Remembering", "Scope", "Trained", "accuracy", "adam", "adamW", "allExamples"],
  ...["argmaxRows", "choice", "classification", "clipByGlobalNorm", "clipped", "conv4", "cosineDecay", "crossEntropy"],
  ...[
    "decodeTensors",
    "describeModel",
    "describeOptions",
    "drawRows",
    "encodeTensors",
    "evaluate",
    "fanInUniform",
    "foldLoss",
  ],
  ...["gaussian", "gaussianLogLoss", "glorotUniform", "gradients", "heNormal", "inThread", "initModel", "innerLoop"],
  ...["join", "learnedRates", "maml", "mapTensors", "meanAndInterval", "meanSquaredError", "median", "metaSgd"],
  ...["metaTrain", "mixture", "mlp", "model", "modelTraits", "moments", "named", "normal"],
  ...["number", "onesInitialiser", "passOf", "prefixed", "profileTask", "protoNet", "readOptions", "regression"],
  ...["remember", "reptile", "restore", "sgd", "squaredDistances", "stepDecay", "take", "toggle"],
  ...["truncatedNormal", "uniform", "unload", "unprefixed", "value", "whole", "workers", "zerosInitialiser"],
];
