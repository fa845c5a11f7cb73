/** Public functions that are not held to the law of misuse yet. Remove a name when its entry is added. */
export const PENDING: readonly string[] = [
  ...["Scope", "allExamples"],
  ...["choice"],
  ...["describeModel", "describeOptions", "drawRows", "foldLoss"],
  ...["gradients", "initModel", "innerLoop"],
  ...["maml", "metaSgd"],
  ...["modelTraits"],
  ...["number", "passOf", "protoNet", "readOptions"],
  ...["reptile", "take", "toggle"],
  ...["value", "whole"],
];
