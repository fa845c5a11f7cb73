/** Version of the package: equal seeds give equal bits within one. */
export const VERSION = "0.1.0";
