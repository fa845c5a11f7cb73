/** Public functions that are not held to the law of misuse yet. Remove a name when its entry is added. */
export const PENDING: readonly string[] = [
  ...["Scope", "accuracy", "adam", "adamW", "allExamples"],
  ...["argmaxRows", "choice", "classification", "clipByGlobalNorm", "clipped", "conv4", "cosineDecay", "crossEntropy"],
  ...["describeModel", "describeOptions", "drawRows", "fanInUniform", "foldLoss"],
  ...["gaussian", "gaussianLogLoss", "glorotUniform", "gradients", "heNormal", "initModel", "innerLoop"],
  ...["join", "learnedRates", "maml", "mapTensors", "meanAndInterval", "meanSquaredError", "median", "metaSgd"],
  ...["mlp", "model", "modelTraits", "moments", "named", "normal"],
  ...["number", "onesInitialiser", "passOf", "prefixed", "protoNet", "readOptions", "regression"],
  ...["reptile", "sgd", "squaredDistances", "stepDecay", "take", "toggle"],
  ...["truncatedNormal", "uniform", "unprefixed", "value", "whole", "zerosInitialiser"],
];
